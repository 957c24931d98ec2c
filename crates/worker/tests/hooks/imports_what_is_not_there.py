# code: hook-import
# says: can't be imported: ModuleNotFoundError: No module named 'surely_not_there'
# line: 4
import surely_not_there  # noqa: F401
