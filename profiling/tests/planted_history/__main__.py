"""A history of known changes; `python -m tests.planted_history FOLDER` measures it and tells."""

import sys
from pathlib import Path

from .confusion import table
from .measured import REPETITIONS, measure

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
measured = measure(folder)
print(f"As measured:\n\n{table([measured.rows()])}")
print(f"\n{REPETITIONS} times with samples drawn anew:\n\n{table(measured.repeated())}")
