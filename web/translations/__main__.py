"""`python -m web.translations`: collect the site's texts and compile the Chinese catalogue."""

from web.translations import update

for missing in update():
    print("not translated:", missing)
