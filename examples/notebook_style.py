"""The same without ``await``, as in a notebook. Run it: python examples/notebook_style.py"""

# %%
import tempfile
from pathlib import Path

from deskmind import BlockingDeskmind, SearchFilter
from deskmind.errors import ConflictError

folder = Path(tempfile.mkdtemp())
(folder / "printers.md").write_text(
    "# Printers\n\nThe colour printer stands on the second floor. To clear a paper jam, open tray 3 and pull the sheet out."
)

# %%
with BlockingDeskmind.open() as app:
    try:
        app.create_tenant("notebook")
        app.desk(tenant="notebook").add_user("ana")
    except ConflictError:
        print("the tenant exists already")
    report = app.desk(tenant="notebook").ingest(folder)
    print(f"{report.documents} documents, {report.chunks} chunks, {len(report.failures)} failures")

    # %%
    desk = app.desk(tenant="notebook", user="ana")
    answer = desk.ask("How do I clear a paper jam?")
    print(answer.text)

    # %%
    for passage in desk.search("colour printer", filter=SearchFilter(media_type="text/markdown")):
        print(f"{passage.score:.2f} {passage.title}")
