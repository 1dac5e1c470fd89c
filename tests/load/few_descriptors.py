"""`heliograph` where only so many files may be open: `python -m tests.load.few_descriptors COUNT serve …`."""

import resource
import sys

from heliograph.cli import main

if __name__ == "__main__":
    count = int(sys.argv.pop(1))
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
    main()
