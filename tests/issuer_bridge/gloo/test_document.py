"""docs/gloo.md: its program prints what stands there."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/gloo.md").read_text()


def test_the_program_on_the_page_prints_what_stands_there():
    (program,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    (printed,) = re.findall(r"```\n(FINISHED.+?)```", PAGE, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "\n".join(line.rstrip() for line in done.stdout.splitlines()) + "\n" == printed, done.stderr
