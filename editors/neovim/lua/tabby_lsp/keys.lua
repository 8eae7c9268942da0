--- Keys that do something while a suggestion is visible, and otherwise what they did before.
local ghost = require('tabby_lsp.ghost')
local api = vim.api

local M = {}

local MARK = 'tabby-lsp: ' -- tells our mappings from others

---@type table<integer, table<string, table>> by buffer and key: the buffer's own mapping that ours replaced
local before = {}

local function raw(key)
  return api.nvim_replace_termcodes(key, true, true, true)
end

--- Looked up when the key is pressed, so that a plugin which is loaded later is found as well.
local function global_mapping(key)
  for _, map in ipairs(api.nvim_get_keymap('i')) do
    if raw(map.lhs) == raw(key) then
      return map
    end
  end
end

--- What to type in place of a key that is not for us: for an <expr> mapping.
---@param key string
---@return string
local function pass_on(key)
  local map = (before[api.nvim_get_current_buf()] or {})[key] or global_mapping(key)
  if not map then
    -- Neovim would insert the letter of an Alt key that is not mapped
    return key:match('^<[MA]%-') and '' or key
  end
  local typed ---@type string
  if map.expr == 1 then
    if map.callback then
      typed = map.callback() or ''
    else
      typed = api.nvim_eval(map.rhs)
    end
    typed = map.replace_keycodes == 1 and raw(typed) or typed
  elseif map.callback then
    M.run = map.callback -- it may change the buffer, which an <expr> mapping must not
    return "<Cmd>lua require('tabby_lsp.keys').run()<CR>"
  else
    typed = raw((map.rhs:gsub('<SID>', ('<SNR>%d_'):format(map.sid or 0))))
  end
  -- a mapping that contains its own key would come back here for ever
  local once = map.noremap == 1 or typed:find(raw(key), 1, true)
  api.nvim_feedkeys(typed, once and 'in' or 'im', false)
  return ''
end

local function always()
  return true
end

---@param buf integer
---@param keys table<string, string|false> by action
function M.map(buf, keys)
  --- While a suggestion is visible the key does `call`, undone by one `u`: nothing else shares its undo step.
  local function map(key, call, when)
    if not key then
      return
    end
    local old = api.nvim_buf_call(buf, function()
      return vim.fn.maparg(key, 'i', false, true)
    end)
    before[buf] = before[buf] or {}
    if not vim.startswith(old.desc or '', MARK) then
      before[buf][key] = old.buffer == 1 and old or nil
    end
    vim.keymap.set('i', key, function()
      return when() and ('<C-g>u<Cmd>lua require("tabby_lsp.ghost").%s<CR><C-g>u'):format(call) or pass_on(key)
    end, { buffer = buf, expr = true, desc = MARK .. call })
  end
  map(keys.accept, 'accept()', ghost.visible)
  map(keys.accept_word, 'accept("word")', ghost.visible)
  map(keys.accept_line, 'accept("line")', ghost.visible)
  map(keys.dismiss, 'dismiss()', ghost.visible)
  map(keys.next, 'next()', always)
  map(keys.trigger, 'trigger()', always)
end

return M
