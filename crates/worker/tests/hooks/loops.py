# code: limit-exceeded
# says: took longer than 2s and was stopped
# line: 6
def update_template(template, **kwargs):
    count = 0
    while True: count += 1
