"""What partners have promised, and whether they kept it: days that files are expected on, and what is open of them.

- `slots`: the days that are expected, and what came for each
- `calendar`: those of all partners of a lake
- `promise`: what a promise looks like in a profile, and what history suggests
- `usual`: how much usually comes, and how much of it is rejected
- `days`: each expected day with all that is to be said of it, in one word
- `facts`: partners and their days as documents
- `work`: what waits for somebody, oldest first
- `proof`: a day with all of its files, on one sheet
- `settled`: what somebody said of a day: that no file was expected, or that what came is right
"""
