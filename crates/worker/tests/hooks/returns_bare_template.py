# code: hook-result
# says: returned a dict without "template": it has 'metadata', 'spec'
# line: 6


def update_template(template, **kwargs):
    return template
