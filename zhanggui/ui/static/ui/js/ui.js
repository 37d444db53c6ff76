// What pages on a desk have besides: lists with selections, lines of a form, menus, the search.
import "./phone.js";
import { start as startBulk } from "./bulk.js";
import { start as startLines } from "./lines.js";
import { start as startMenu } from "./menu.js";
import { start as startSearch } from "./search.js";

startBulk();
startLines();
startMenu();
startSearch();
