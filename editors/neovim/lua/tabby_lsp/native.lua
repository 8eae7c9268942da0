--- Shows suggestions by Neovim's own inline completion (0.12), which may be shared with other servers.
---
--- Two things of 0.12.4 are put right here: it goes on to show a suggestion that the typed text disagrees with, until
--- the next reply; and it inserts a suggestion before what has been typed since ("ret" and Tab: `return xret`).
local insert = require('tabby_lsp.insert')
local api = vim.api
local inline = vim.lsp.inline_completion

local M = {}

local NS = api.nvim_create_namespace('nvim.lsp.inline_completion')

---@type { row: integer, col: integer, text: string }? what was visible after the last change
local seen
local enabled = true

local function mark()
  return api.nvim_buf_get_extmarks(0, NS, 0, -1, { details = true })[1]
end

--- Runs after Neovim's own callback of the same event, and before the redraw.
local function check()
  local row, col = unpack(api.nvim_win_get_cursor(0))
  row = row - 1
  local typed = seen and seen.row == row and api.nvim_get_current_line():sub(seen.col + 1, col)
  if seen and not (typed and vim.startswith(seen.text, typed)) then
    api.nvim_buf_clear_namespace(0, NS, 0, -1)
  end
  local now = mark()
  local first = now and now[4].virt_text[1]
  seen = first and { row = now[2], col = now[3], text = first[1] }
end

---@param _ table
function M.setup(_) end

---@param buf integer
function M.attach(_, buf)
  inline.enable(enabled, { bufnr = buf })
  -- after the autocommands that enable() has made
  api.nvim_create_autocmd({ 'CursorMovedI', 'TextChangedI', 'TextChangedP' }, {
    group = api.nvim_create_augroup('tabby_lsp.native.' .. buf, {}),
    buffer = buf,
    callback = check,
  })
end

---@return boolean
function M.visible()
  return mark() ~= nil
end

--- Insert the visible suggestion or the beginning of it.
---@param part? 'word'|'line' nil: all of it
function M.accept(part)
  local buf = api.nvim_get_current_buf()
  inline.get({
    on_accept = function(item)
      local row, col = unpack(api.nvim_win_get_cursor(0))
      local text, start_row, start_col = item.insert_text, item.range:to_extmark()
      local typed = table.concat(api.nvim_buf_get_text(buf, start_row, start_col, row - 1, col, {}), '\n')
      if type(text) ~= 'string' or not vim.startswith(text, typed) then
        return
      end
      local all = insert((text:sub(#typed + 1):gsub('\r\n?', '\n')), part)
      -- get() is late: the key's own second <C-g>u has run before the text came
      api.nvim_feedkeys(vim.keycode('<C-g>u'), 'in', false)
      local client = vim.lsp.get_client_by_id(item.client_id)
      if all and client and item.command then
        client:exec_cmd(item.command, { bufnr = buf })
      end
    end,
  })
end

--- There is no function for it, but to switch it off and on.
function M.dismiss()
  for _, on in ipairs({ false, true }) do
    M.enable(on)
  end
end

--- Show the next suggestion; Neovim 0.12 never asks for several, so there is one unless other servers have some.
function M.next()
  inline.select({ count = 1 })
end

--- Neovim asks by itself after each change, and has no function to ask by hand.
function M.trigger() end

---@return boolean
function M.enabled()
  return enabled
end

---@param on boolean
function M.enable(on)
  enabled, seen = on, nil
  for _, client in ipairs(vim.lsp.get_clients({ name = 'tabby_lsp' })) do
    for buf in pairs(client.attached_buffers) do
      inline.enable(on, { bufnr = buf })
    end
  end
end

return M
