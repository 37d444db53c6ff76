// What pages on a desk have besides: lists with selections, lines of a form, menus, the search,
// heads of tables that stay in sight.
import "./phone.js";
import { start as startBulk } from "./bulk.js";
import { start as startLines } from "./lines.js";
import { start as startMenu } from "./menu.js";
import { start as startSearch } from "./search.js";
import { start as startTables } from "./tables.js";

startBulk();
startLines();
startMenu();
startSearch();
startTables();
