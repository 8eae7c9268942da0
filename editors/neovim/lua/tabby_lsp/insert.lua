--- Puts an accepted suggestion, or the beginning of it, into the buffer.
local api = vim.api

local WORD = [[^\_s*\%(\k\+\|\%(\k\@!\S\)\+\)]]

---@param text string what is still to come of a suggestion, with "\n" between lines
---@param part? 'word'|'line' nil: all of it
---@return boolean whether that was all of it
return function(text, part)
  local piece = text
  if part == 'word' then
    piece = vim.fn.matchstr(text, WORD)
  elseif part == 'line' then
    piece = assert(text:match('^\n*[^\n]*'))
  end
  piece = piece == '' and text or piece
  local row, col = unpack(api.nvim_win_get_cursor(0))
  local lines = vim.split(piece, '\n', { plain = true })
  api.nvim_buf_set_text(0, row - 1, col, row - 1, col, lines)
  api.nvim_win_set_cursor(0, { row + #lines - 1, #lines[#lines] + (#lines == 1 and col or 0) })
  return piece == text
end
