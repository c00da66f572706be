"""What the console is for, in one go: a workbook with bad rows, two cells mended, an accident, and the way back."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

from openpyxl import Workbook
from playwright.sync_api import FilePayload, Locator, Page, expect

from infra.local.record import Record
from tests.browser.visit import Visit
from tests.conftest import connect_url

YEAR = 1999  # the samples have no hire of it
FIRST = 900_001
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def workbook() -> bytes:
    """Ten hires of one year: one has no name, one is of a department that is not there."""
    book, content = Workbook(), io.BytesIO()
    for number in range(10):
        name = "" if number == 3 else f"Journey {number}"
        book.active.append(
            [FIRST + number, name, f"{YEAR}-02-0{number or 1}T10:00:00Z", 777_777 if number == 6 else 1, 1]
        )
    book.save(content)
    return content.getvalue()


def go_to(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()


def grid_cell(page: Page, row: int, column: str) -> Locator:
    found = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=re.compile(rf"^{row}\b")))
    return found.locator(f'[data-label="{column}"]')


def hires_of_the_year(page: Page) -> Locator:
    go_to(page, "Metrics")
    year = page.get_by_role("spinbutton", name="Year")
    year.fill(str(YEAR))
    year.press("Enter")
    return page.locator("main")


def delete_the_hires(stack: Record) -> None:
    connection = connect_url(stack.database_url)
    try:
        connection.autocommit = True
        connection.execute_simple(f"DELETE FROM hired_employees WHERE id >= {FIRST} AND id < {FIRST + 10}")
    finally:
        connection.close()


def test_from_a_workbook_with_bad_rows_to_a_restored_table(visit: Callable[..., Visit], stack: Record) -> None:
    window = visit(signed_in=False)
    page = window.page
    page.get_by_label("Access token").fill(stack.token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1, name="Upload")).to_be_visible()

    assert "No hires" in hires_of_the_year(page).get_by_text("No hires").first.inner_text()

    go_to(page, "Upload")
    given: FilePayload = {"name": "hired_employees-journey.xlsx", "mimeType": XLSX, "buffer": workbook()}
    page.locator('input[type="file"]').set_input_files(given)
    page.get_by_role("button", name="Upload 1 file").click()
    page.get_by_role("link", name="Correct 2 rows").click()
    expect(page.get_by_role("heading", level=1, name="hired_employees-journey.xlsx")).to_be_visible()
    expect(page.locator(".stat", has_text="Rejected").locator("dd")).to_have_text("2")

    for row, column, text in ((4, "name", "Ada Lovelace"), (7, "department_id", "1")):
        cell = grid_cell(page, row, column)
        expect(cell).to_have_attribute("aria-invalid", "true")
        cell.dblclick()
        cell.get_by_role("textbox").fill(text)
        cell.get_by_role("textbox").press("Enter")
    page.get_by_role("button", name="Send 2 rows").click()
    expect(page.locator(".send-dock")).to_contain_text("2 rows are in")

    expect(hires_of_the_year(page)).to_contain_text(re.compile("10 hires"))

    go_to(page, "Backups")
    page.get_by_label("What to back up").select_option("hired_employees")
    page.get_by_role("button", name="Back up").click()
    expect(page.get_by_text("Backed up.")).to_be_visible()

    delete_the_hires(stack)
    expect(hires_of_the_year(page)).to_contain_text("No hires")

    go_to(page, "Backups")
    page.get_by_role("link", name="Restore hired_employees from this backup").first.click()
    page.get_by_role("button", name="Show what would change").click()
    change = page.get_by_role("region", name="What the restore would do to each table")
    expect(change).to_contain_text("+10")
    restore = page.get_by_role("button", name="Restore ", exact=False).last
    expect(restore).to_be_disabled()
    page.locator("#confirm").fill("hired_employees")
    restore.click()
    expect(page.get_by_text("The table is as it was saved.")).to_be_visible()

    expect(hires_of_the_year(page)).to_contain_text(re.compile("10 hires"))


def test_a_token_that_is_not_known_opens_nothing(visit: Callable[..., Visit]) -> None:
    window = visit(signed_in=False)
    window.expected.add(401)
    window.page.get_by_label("Access token").fill("decant_nobody_knows")
    window.page.get_by_label("Access token").press("Enter")
    expect(window.page.get_by_text("This token is not known")).to_be_visible()
    expect(window.page.get_by_label("Access token")).to_be_focused()
