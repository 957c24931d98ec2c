# code: limit-exceeded
# says: took longer than 1s and was stopped
# line: 7
def update_template(template, **kwargs):
    count = 0
    while True:
        count += 1
