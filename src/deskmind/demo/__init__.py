"""The demonstration: a fictional company's knowledge and what makes Deskmind different, shown in a terminal."""

from deskmind.demo.company import Company, add_technicians, load_company, prepare

__all__ = ["Company", "add_technicians", "load_company", "prepare"]
