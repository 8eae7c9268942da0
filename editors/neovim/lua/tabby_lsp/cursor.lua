--- Tells the server where the cursor has come to rest, so that it reads the text around it before a key is pressed.
---
--- The protocol has no such message; `tabby/cursor` is our own. In insert mode nothing is told: there the server hears
--- of each change, and is asked for a suggestion.
local api = vim.api

local M = {}

local REST_MS = 150 -- outlasts the repeat of a held key: whoever runs through a file is not to heat the processor
local timer = assert(vim.uv.new_timer())

local function tell()
  local buf = api.nvim_get_current_buf()
  local client = vim.lsp.get_clients({ bufnr = buf, name = 'tabby_lsp' })[1]
  if client and require('tabby_lsp.ghost').enabled() then
    local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
    -- changes that Neovim has held back go out first
    client:notify('tabby/cursor', params) ---@diagnostic disable-line: param-type-mismatch
  end
end

--- Tell where the cursor is if it stays there for a moment.
function M.moved()
  timer:start(REST_MS, 0, vim.schedule_wrap(function()
    if api.nvim_get_mode().mode == 'n' then
      tell()
    end
  end))
end

--- Somebody is about to type: at once, and before ghost text is asked for.
local function begin()
  timer:stop()
  tell()
end

---@param buf integer
function M.attach(buf)
  local group = api.nvim_create_augroup('tabby_lsp.cursor.' .. buf, {})
  local function on(events, callback)
    api.nvim_create_autocmd(events, { group = group, buffer = buf, callback = callback })
  end
  on({ 'BufEnter', 'CursorMoved', 'CursorHold' }, M.moved)
  on('InsertEnter', begin)
  if buf == api.nvim_get_current_buf() then
    M.moved() -- it was entered before the server was there
  end
end

return M
