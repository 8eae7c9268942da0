--- Suggestions and the place in the buffer that they were made for: what of them is still to come at the cursor.
--- Nothing here draws, asks or changes the buffer.
local api = vim.api

local M = {}

local WORD = [[^\_s*\%(\k\+\|\%(\k\@!\S\)\+\)]]

---@class tabby_lsp.Item
---@field text string with "\n" between lines
---@field command? lsp.Command

---@class tabby_lsp.Shown the suggestions, and the text around them that they were made for
---@field client vim.lsp.Client
---@field buf integer
---@field version integer of the buffer, as the server knows it
---@field row integer line where they begin, from 0
---@field col integer byte where they begin
---@field ahead string the line's text before that
---@field behind string the text after the cursor
---@field items tabby_lsp.Item[]
---@field index integer

---@return integer row from 0
---@return integer col in bytes
function M.cursor()
  local at = api.nvim_win_get_cursor(0)
  return at[1] - 1, at[2]
end

--- A reply's items that fit the place where they were asked for.
---@param client vim.lsp.Client
---@param items lsp.InlineCompletionItem[]
---@return tabby_lsp.Shown?
function M.fitting(client, items)
  local buf, line = api.nvim_get_current_buf(), api.nvim_get_current_line()
  local row, col = M.cursor()
  local found = { client = client, buf = buf, row = row, col = col, items = {}, index = 1 }
  found.behind, found.ahead = line:sub(col + 1), line:sub(1, col)
  found.version = vim.lsp.util.buf_versions[buf]
  -- Neovim keeps "\r" in the lines of a file that has both line endings: there it belongs to what is inserted
  local keep_cr = vim.bo.fileformat == 'unix' and line:sub(-1) == '\r'
  for _, item in ipairs(items) do
    local text = item.insertText
    if type(text) == 'string' then
      text = keep_cr and text or text:gsub('\r\n?', '\n')
      if item.range and item.range.start.line == row then
        -- what stands between the range's start and the cursor is replaced; we only ever insert, so it must be kept
        local first = vim.str_byteindex(line, client.offset_encoding, item.range.start.character, false)
        local kept = line:sub(first + 1, col)
        text = vim.startswith(text, kept) and text:sub(#kept + 1) or ''
      end
      if text ~= '' then
        table.insert(found.items, { text = text, command = item.command })
      end
    end
  end
  return found.items[1] and found or nil
end

--- What of a suggestion is still to come at the cursor; nil where the buffer has taken another way.
---@param shown tabby_lsp.Shown
---@param item tabby_lsp.Item
---@return string? rest
local function rest_of(shown, item)
  local row, col = M.cursor()
  if api.nvim_get_current_buf() ~= shown.buf or row < shown.row or (row == shown.row and col < shown.col) then
    return
  end
  local typed = api.nvim_buf_get_text(shown.buf, shown.row, 0, row, col, {})
  if api.nvim_get_current_line():sub(col + 1) ~= shown.behind or typed[1]:sub(1, shown.col) ~= shown.ahead then
    return
  end
  typed[1] = typed[1]:sub(shown.col + 1)
  local along = table.concat(typed, '\n')
  if #along < #item.text and vim.startswith(item.text, along) then
    return item.text:sub(#along + 1)
  end
end

--- The current suggestion's rest, or the next one's that the typed text agrees with, which is the current one then.
---@param shown tabby_lsp.Shown?
---@return string?
function M.rest(shown)
  for step = 0, shown and #shown.items - 1 or -1 do
    local index = (shown.index - 1 + step) % #shown.items + 1
    local text = rest_of(shown, shown.items[index])
    if text then
      shown.index = index
      return text
    end
  end
end

--- The beginning of a text.
---@param text string not empty
---@param part? 'word'|'line' nil: all of it
---@return string piece not empty
function M.piece(text, part)
  local piece = text
  if part == 'word' then
    piece = vim.fn.matchstr(text, WORD)
  elseif part == 'line' then
    piece = assert(text:match('^\n*[^\n]*'))
  end
  return piece == '' and text or piece
end

return M
