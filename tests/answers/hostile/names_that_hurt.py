# title: errors and classes with names and messages that are markup, or very long
# place: first

# %% [attack]
kind = type("</pre><script>PWNED()</script>", (Exception,), {})
raise kind("~~~\n" + "<script>PWNED()</script>" * 10_000)
