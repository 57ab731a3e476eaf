# SPDX-License-Identifier: MIT
"""What watches our passes: ptxas' verdict on what they made, and what happens where one crashes or is to be left out."""
