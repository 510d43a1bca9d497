"""How nbgrader sees this course; read by every nbgrader command, by Formgrader, Assignment List and ``dlkit``."""

from pathlib import Path

c = get_config()  # noqa: F821  (traitlets puts it here)
course = Path(__file__).resolve().parent

c.CourseDirectory.course_id = "dl_basics"
c.CourseDirectory.root = str(course)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"

# Assignment List: what is fetched lands in my_work/, what is handed in goes to exchange/ (`dlkit lab` makes both).
c.Exchange.root = str(course / "exchange")
c.Exchange.assignment_dir = str(course / "my_work")
c.Exchange.cache = str(
    course / "my_work" / ".handed_in"
)  # of this course alone; by default the user's courses share one

c.ExchangeFactory.collect = "dlkit.grading.intake.Collect"  # follows no link that a student has put there

c.ClearSolutions.code_stub = {
    "python": '# YOUR CODE HERE · 在此作答\nraise NotImplementedError("not written yet · 尚未作答")'
}
c.ClearSolutions.text_stub = "YOUR ANSWER HERE · 在此作答"

# Grading: the course's own notebook with the student's answers in it, run so that everyone gets a grade.
c.Autograde.exporter_class = "dlkit.grading.intake.Intake"  # links, pipes and devices are not followed
c.Autograde.sanitize_preprocessors = [
    "dlkit.grading.canonical.Canonicalise",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "dlkit.grading.recall.RunJob",
    "nbgrader.preprocessors.IgnorePattern",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "dlkit.grading.screen.FlagForReview",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.RunNotebook.timeout = 20  # seconds of processor time of a cell; four times as long on the clock
c.RunNotebook.total_timeout = 600  # the same for a notebook
c.LimitOutput.max_lines = 300

# Feedback: hidden tests by title and hint only, the failed check's message first.
# Pages, Formgrader's too, run nothing that a student wrote.
c.GenerateFeedback.exporter_class = "dlkit.grading.pages.FeedbackExporter"
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.filters = {
    "markdown2html": "dlkit.grading.pages.SafeMarkdown",
    "clean_html": "dlkit.grading.pages.clean_html",
    "get_metadata": "dlkit.grading.pages.safe_metadata",
}
c.GenerateFeedback.preprocessors = [
    "dlkit.grading.feedback.GetMarks",
    "dlkit.grading.feedback.HideTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
