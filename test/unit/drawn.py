# SPDX-License-Identifier: MIT
"""What tests look at in a drawing: its texts, and whether they can be read."""


def texts(sheet):
    """The texts of *sheet* in the order in which they were drawn."""
    return [text.get_text().replace("\u00a0", " ") for text in sheet.figure.axes[0].texts]


def faults(sheet):
    """Which texts of *sheet* are too small, lie over another, or leave the sheet."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    drawn = sheet.figure.axes[0].texts
    renderer = FigureCanvasAgg(sheet.figure).get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in drawn if text.get_text()]
    found = [f"too small: {text.get_text()!r}" for text in drawn if text.get_size() < 9]
    for i, (text, box) in enumerate(boxes):
        if box.x0 < 0 or box.y0 < 0 or box.x1 > sheet.width or box.y1 > sheet.height:
            found.append(f"leaves the sheet: {text!r}")
        # Lines may touch, as a box has room for the highest and the lowest letter.
        over = [
            other
            for other, its in boxes[i + 1 :]
            if _overlap(box.x0, box.x1, its.x0, its.x1) > 1 and _overlap(box.y0, box.y1, its.y0, its.y1) > 3
        ]
        found += [f"over one another: {text!r} and {other!r}" for other in over]
    return found


def _overlap(low, high, other_low, other_high):
    return min(high, other_high) - max(low, other_low)
