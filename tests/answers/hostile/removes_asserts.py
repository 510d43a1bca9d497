# title: an AST transformer that takes all calls and asserts out of later cells
# loses: all
# untouched: yes
# place: first

# %% [attack]
import ast


class NoChecks(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()

    def visit_Expr(self, node):
        return ast.Pass()

    def visit_Raise(self, node):
        return ast.Pass()


get_ipython().ast_transformers.append(NoChecks())
