# code: limit-exceeded
# says: printed more than 16 MiB and was stopped
def update_template(template, **kwargs):
    while True:
        print("x" * 1000)
