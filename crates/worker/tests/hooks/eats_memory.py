# code: limit-exceeded
# says: needs more memory than a hook may use: MemoryError
# line: 7
def update_template(template, **kwargs):
    parts = []
    while True:
        parts.append(bytearray(64 << 20))
