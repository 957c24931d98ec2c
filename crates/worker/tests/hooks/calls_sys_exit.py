# code: hook-failed
# says: called sys.exit('out of quota')
# line: 8
import sys


def update_template(template, **kwargs):
    sys.exit("out of quota")
