# title: commands of the system, magics and extensions that should do no harm
# place: first
# hint: input() waits for someone to type
# needs: sandbox

# %% [attack]
# the next cells hold them

# %% [rm]
!timeout 1 rm -rf / --no-preserve-root 2> /dev/null

# %% [bash]
%%bash
kill -9 $$

# %% [magics]
%load_ext autoreload
%load_ext no_such_extension
%autosave 0
%history
%reset_selective -f no_such_name
%cd /
%pip install numpy

# %% [writefile]
%%writefile numpy.py
raise RuntimeError("PWNED")

# %% [asks]
name = input("Your name? ")
