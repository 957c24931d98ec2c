# code: hook-import
# says: can't be imported: SystemExit: 3
# line: 6
import sys

sys.exit(3)
