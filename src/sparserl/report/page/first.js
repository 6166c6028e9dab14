"use strict";
// Before anything is laid out: tables of thousands of rows show the first ones until they are sorted and filtered.
document.documentElement.classList.add("scripts");
