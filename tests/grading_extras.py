"""What an instructor may add to nbgrader's configuration; named there, so that it can be imported by name."""

from nbgrader.plugins import BasePlugin
from nbgrader.preprocessors import NbGraderPreprocessor

CONFIG = """
c.Autograde.sanitize_preprocessors.insert(1, "grading_extras.Stamp")
c.Autograde.autograde_preprocessors.insert(0, "grading_extras.Greet")
c.Autograde.autograde_preprocessors.append("grading_extras.Bonus")
c.GenerateFeedback.preprocessors.insert(1, "grading_extras.Sign")
c.AssignLatePenalties.plugin_class = "grading_extras.TwoMarks"
c.GenerateFeedback.permissions = 664
"""


class Stamp(NbGraderPreprocessor):
    """Writes a line into each answer before the run."""

    def preprocess_cell(self, cell, resources, index):
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source += f"\n# {resources['nbgrader']['student']}"
        return cell, resources


class Greet(NbGraderPreprocessor):
    """Stands before the run among the second pass's preprocessors."""

    def preprocess(self, nb, resources):
        nb.metadata["greeting"] = f"hello {resources['nbgrader']['student']}"
        return nb, resources


class Bonus(NbGraderPreprocessor):
    """Opens the gradebook by itself, sees the marks that were just given, and adds to one of them."""

    def preprocess(self, nb, resources):
        import nbgrader.api

        names = resources["nbgrader"]
        where = names["notebook"], names["assignment"], names["student"]
        with nbgrader.api.Gradebook(names["db_url"]) as gradebook:
            if gradebook.find_grade("double_visible", *where).auto_score == 2:
                gradebook.find_grade("mean_test", *where).extra_credit = 0.5
            gradebook.db.commit()
        return nb, resources


class Sign(NbGraderPreprocessor):
    """Writes below the feedback what the gradebook has."""

    def preprocess(self, nb, resources):
        import nbgrader.api

        names = resources["nbgrader"]
        with nbgrader.api.Gradebook(names["db_url"]) as gradebook:
            found = gradebook.find_submission(names["assignment"], names["student"])
            nb.cells[-1].source += f"\n\nIn all {found.score}, signed."
        return nb, resources


class TwoMarks(BasePlugin):
    """Two marks off for whoever is late, asked of the gradebook."""

    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return min(2.0, score)


class Spoils(NbGraderPreprocessor):
    """Fails for one student."""

    def preprocess(self, nb, resources):
        if resources["nbgrader"]["student"] == "cyd":
            raise ValueError("no page for cyd")
        return nb, resources
