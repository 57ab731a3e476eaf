"use strict";
// Marks the lines of IR that come from a line of source, and the reverse. All it knows stands in the page: a line of source has an
// id, and a line of IR has in data-at the ids of its own line of source and of the calls around it, from the inside out.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const status = document.querySelector(".status");
  const hint = status.textContent;
  const columns = all(".column");
  const buttons = all(".stages button");
  const placesOf = (line) => (line.closest(".source") ? [line.id] : (line.dataset.at || "").split(" ").filter(Boolean));

  const cameFrom = new Map();
  for (const line of all(".stage .line[data-at]")) {
    for (const place of placesOf(line)) {
      cameFrom.has(place) || cameFrom.set(place, []);
      cameFrom.get(place).push(line);
    }
  }

  // What is marked with `line`: its own lines, and those that a call connects.
  function linked(line) {
    const places = placesOf(line);
    if (line.closest(".source")) {
      const made = cameFrom.get(line.id) || [];
      return { own: [line, ...made.filter((one) => placesOf(one)[0] === line.id)], call: made.filter((one) => placesOf(one)[0] !== line.id) };
    }
    const [own, ...calls] = places.map((place) => document.getElementById(place));
    const alike = own ? cameFrom.get(places[0]).filter((one) => one.dataset.at === line.dataset.at) : [line];
    return { own: own ? [own, ...alike] : alike, call: calls };
  }

  function unmark(...kinds) {
    for (const kind of kinds) {
      all(`.${kind}`).forEach((line) => line.classList.remove(kind));
    }
  }

  const titleOf = (column) => column.querySelector("h2").textContent;
  const nameOf = (place) => {
    const line = document.getElementById(place);
    return `${line.closest(".block").dataset.file.split("/").pop()}:${line.querySelector("b").textContent}`;
  };

  function describe(line) {
    const places = placesOf(line);
    if (!line.closest(".source")) {
      const here = `${titleOf(line.closest(".column"))} line ${line.querySelector("b").textContent}`;
      return places.length ? `${here} comes from ${places.map(nameOf).join(", called from ")}` : `${here}: the compiler does not say where it comes from`;
    }
    const counts = columns.slice(1).map((column) => `${marked(column).length} of ${titleOf(column)}`);
    return `${nameOf(line.id)}: ${counts.join(", ")}`;
  }

  const marked = (column) => all(".line.chosen, .line.call", column);

  function choose(line) {
    unmark("chosen", "call", "holds");
    all('.line[aria-selected="true"]').forEach((one) => one.setAttribute("aria-selected", "false"));
    const { own, call } = linked(line);
    call.forEach((one) => one.classList.add("call"));
    own.forEach((one) => one.classList.replace("call", "chosen") || one.classList.add("chosen"));
    [...own, ...call].forEach((one) => one.setAttribute("aria-selected", "true"));
    all(".source .block:not([open])").forEach((block) => block.classList.toggle("holds", marked(block).length > 0));
    columns.slice(1).forEach((column, index) => {
      buttons[index].querySelector(".count").textContent = marked(column).length;
    });
    columns.filter((column) => column !== line.closest(".column")).forEach(showFirst);
    setActive(line);
    status.textContent = describe(line);
    history.replaceState(null, "", `#${line.id}`);
  }

  function letGo() {
    unmark("chosen", "call", "holds", "near");
    all('.line[aria-selected="true"]').forEach((one) => one.setAttribute("aria-selected", "false"));
    buttons.forEach((button) => (button.querySelector(".count").textContent = ""));
    status.textContent = hint;
    history.replaceState(null, "", location.pathname + location.search);
  }

  // Scrolls within the column alone, and only if no marked line is in sight.
  function showFirst(column) {
    const pane = column.querySelector(".pane");
    const lines = marked(column).filter((line) => line.offsetParent);
    const isInSight = (line) => line.offsetTop >= pane.scrollTop && line.offsetTop + line.offsetHeight <= pane.scrollTop + pane.clientHeight;
    if (lines.length && !lines.some(isInSight)) {
      pane.scrollTop = lines[0].offsetTop - pane.clientHeight / 3;
    }
  }

  function setActive(line) {
    const pane = line.closest(".pane");
    all(".line.active", pane).forEach((one) => one.classList.remove("active"));
    line.classList.add("active");
    pane.setAttribute("aria-activedescendant", line.id);
  }

  function move(pane, lines, step) {
    const active = pane.querySelector(".line.active");
    const shown = lines.filter((line) => line.offsetParent);
    const position = (line) => (active ? Math.sign(line.offsetTop - active.offsetTop) : 1);
    const next = step > 0 ? shown.find((line) => position(line) > 0) : shown.reverse().find((line) => position(line) < 0);
    if (next) {
      setActive(next);
      next.scrollIntoView({ block: "nearest", inline: "nearest" });
      near(next);
    }
  }

  function near(line) {
    unmark("near");
    if (line) {
      const { own, call } = linked(line);
      [...own, ...call].forEach((one) => one.classList.add("near"));
    }
  }

  function onKey(event) {
    const pane = event.currentTarget;
    const active = pane.querySelector(".line.active");
    const actions = {
      ArrowDown: () => move(pane, all(".line", pane), 1),
      ArrowUp: () => move(pane, all(".line", pane), -1),
      n: () => move(pane, marked(pane), 1),
      p: () => move(pane, marked(pane), -1),
      Enter: () => active && choose(active),
      " ": () => active && choose(active),
      Escape: letGo,
    };
    if (event.target === pane && actions[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      actions[event.key]();
    }
  }

  for (const pane of all(".pane")) {
    const lineAt = (event) => event.target.closest(".line");
    pane.addEventListener("click", (event) => lineAt(event) && choose(lineAt(event)));
    pane.addEventListener("pointerover", (event) => near(lineAt(event)));
    pane.addEventListener("pointerleave", () => near(null));
    pane.addEventListener("keydown", onKey);
  }

  // Which stages are shown: at least one.
  function show(column, isShown) {
    column.hidden = !isShown;
    buttons.find((button) => button.getAttribute("aria-controls") === column.id).setAttribute("aria-pressed", isShown);
  }
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const column = document.getElementById(button.getAttribute("aria-controls"));
      if (column.hidden || columns.filter((one) => !one.hidden).length > 2) {
        show(column, column.hidden);
        showFirst(column);
      }
    });
  }
  const first = window.innerWidth >= 1500 ? ["ttgir", "ptx"] : ["ttgir"];
  columns.slice(1).forEach((column) => show(column, first.includes(column.id)));

  function chooseByAddress() {
    const line = document.getElementById(location.hash.slice(1));
    if (line && line.matches(".line")) {
      const block = line.closest(".block");
      block ? (block.open = true) : show(line.closest(".column"), true);
      choose(line);
      line.scrollIntoView({ block: "nearest" });
    }
  }
  window.addEventListener("hashchange", chooseByAddress);
  chooseByAddress();
})();
