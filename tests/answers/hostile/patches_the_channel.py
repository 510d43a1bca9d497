# title: her end of the channel reports success whatever happens
# loses: all
# untouched: yes
# place: first

# %% [attack]
import dlkit.grading.channel.decoder as decoder
import dlkit.grading.channel.encoder as encoder
import dlkit.grading.channel.errors as errors
import dlkit.grading.channel.messages as messages
import dlkit.grading.channel.student as student

for kind in (errors.ProtocolError, errors.LimitError):
    kind.__str__ = lambda self: ""
messages.OPERATIONS.update(call=lambda *args, **kwargs: None, eq=lambda a, b: True, float=lambda x: 6.0)
student._Student.name = lambda self, name: lambda *args, **kwargs: None
student._Student.outcome = lambda self, *args: (messages.Kind.ANSWER, True)
student.Watch.changed = lambda self: True
