"""The social graph of people: direct peers, neighbourhoods and shortest paths over contracted interactions.

Pure: searches are generators that say whose ties they need next (`Ask`) and are sent them (`Ties`), so that any store, waited for or
not, can serve them and every search does the same on each.
"""
