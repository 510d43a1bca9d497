# title: scripts in every kind of output
# place: first
# hint: Because

# %% [attack]
from IPython.display import SVG, HTML, Javascript, Latex, Markdown, display

bad = "<script>PWNED()</script><img src=x onerror=PWNED()><iframe srcdoc='<script>PWNED()</script>'></iframe>"
display(HTML(bad + "<a href='javascript:PWNED()'>x</a><form action='/x'><input name=y></form><style>*{display:none}</style>"))
display(HTML("<table onclick='PWNED()' style='position:fixed;top:0;background:url(javascript:PWNED())'><tr><td>kept</td></tr></table>"))
display(SVG(data="<svg xmlns='http://www.w3.org/2000/svg' onload='PWNED()'><script>PWNED()</script></svg>"))
display(Javascript("PWNED()"))
display(Markdown(bad + "\n\n[x](javascript:PWNED()) [y](data:text/html;base64,PHNjcmlwdD4=)"))
display(Latex(r"$\\href{javascript:PWNED()}{x}$ </script><script>PWNED()</script>"))
display({"application/vnd.jupyter.widget-view+json": {"model_id": "</script><script>PWNED()"}}, raw=True)
display({"text/html": bad, "image/png": "</script><script>PWNED()"}, raw=True)
display({"image/svg+xml": "<script>PWNED()</script>", "application/pdf": "PWNED"}, raw=True)
print("\x1b]8;;javascript:PWNED()\x07x\x1b[31m</pre><script>PWNED()</script>\x1b[0m\ud800\x00")
raise ValueError("</pre></div><script>PWNED()</script>\n~~~\n<script>PWNED()</script>")

# %% [markdown] essay
<script>PWNED()</script> <b onmouseover="PWNED()">Because</b> [x](javascript:PWNED())
<svg onload=PWNED()> <img src="x" onerror="PWNED()"> <https://example.org>

~~~
</code></pre><script>PWNED()</script>
~~~
