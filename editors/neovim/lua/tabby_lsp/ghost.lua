--- Ghost text of our own, for every Neovim from 0.11 on.
---
--- What is visible always fits the buffer: it shrinks while the typed text goes along with it and is gone, in the same
--- redraw, with the first character that does not. There is one insert mode, hence one suggestion and one request.
---
--- 0.12 has `vim.lsp.inline_completion`. It is not used, because that of 0.12.4 goes on to show what the typed text
--- disagrees with until the next reply, inserts a suggestion in front of what has been typed since (for `return x`,
--- "ret" and Tab gave `return xret`), and has no way to ask for several by hand.
local steps = require('tabby_lsp.steps')
local suggestion = require('tabby_lsp.suggestion')
local api = vim.api

local M = {}

local METHOD = 'textDocument/inlineCompletion'
local INVOKED, AUTOMATIC = 1, 2
local NS = api.nvim_create_namespace('tabby_lsp')

local shown ---@type tabby_lsp.Shown?
local asked ---@type { client: vim.lsp.Client, id: integer?, place: string, again: boolean }?
local timer = assert(vim.uv.new_timer())
local due = {} -- a new one with each cancellation: a timer that has run out already may not be stopped any more
local options = {}
local enabled = true

---@return vim.lsp.Client?
local function client_of(buf)
  for _, client in ipairs(vim.lsp.get_clients({ bufnr = buf, name = 'tabby_lsp' })) do
    if client.server_capabilities.inlineCompletionProvider then
      return client
    end
  end
end

local function inserting()
  return api.nvim_get_mode().mode:sub(1, 1) == 'i'
end

--- Where the user is, as a key: a reply for another place is of no use.
local function place()
  local buf = api.nvim_get_current_buf()
  return table.concat({ buf, api.nvim_buf_get_changedtick(buf), suggestion.cursor() }, ':')
end

local function clear()
  if shown then
    api.nvim_buf_clear_namespace(shown.buf, NS, 0, -1)
    shown = nil
  end
end

--- Tabs as wide as they will be once they are text; virtual text does not know the column it will stand in.
local function expand(line, column)
  local width = vim.bo.tabstop
  return (line:gsub('([^\t]*)\t', function(text)
    column = column + api.nvim_strwidth(text)
    local fill = width - column % width
    column = column + fill
    return text .. (' '):rep(fill)
  end))
end

--- Bring the ghost text in line with the buffer.
---@return boolean whether anything is visible
local function draw()
  local text = suggestion.rest(shown)
  if not text then
    clear()
    return false
  end
  local row, col = suggestion.cursor()
  local lines = {}
  for i, line in ipairs(vim.split(text, '\n', { plain = true })) do
    lines[i] = { { expand(line:gsub('\r$', ''), i == 1 and vim.fn.virtcol('.') - 1 or 0), 'TabbyGhost' } }
  end
  if #shown.items > 1 then
    table.insert(lines[#lines], { (' (%d/%d)'):format(shown.index, #shown.items), 'TabbyGhostCount' })
  end
  api.nvim_buf_set_extmark(shown.buf, NS, row, col, {
    id = 1, -- moved, not made anew: no flicker
    virt_text = table.remove(lines, 1),
    virt_text_pos = 'inline',
    virt_lines = lines,
    hl_mode = 'combine',
  })
  return true
end

local function cancel()
  timer:stop()
  due = {}
  if asked then
    if asked.id then
      asked.client:cancel_request(asked.id)
    end
    asked = nil
  end
end

--- Ask the server for what may stand at the cursor.
---@param kind integer
---@param index? integer the suggestion to show of several
---@param kept? string what is visible and has to be the answer's beginning; without it, it goes when the answer comes
local function ask(kind, index, kept)
  cancel()
  local buf = api.nvim_get_current_buf()
  local client = client_of(buf)
  if not client or not inserting() then
    return
  end
  local this = { client = client, place = place(), again = kept ~= nil }
  asked = this
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  ---@diagnostic disable-next-line: inject-field
  params.context = { triggerKind = kind }
  local _, id = client:request(METHOD, params, function(err, result)
    if asked ~= this then
      return -- another question has been put since
    end
    asked = nil
    if err or not inserting() or place() ~= this.place then
      return
    end
    local found = suggestion.fitting(client, result and (result.items or result) or {})
    if found and vim.startswith(found.items[1].text, kept or '') then
      clear()
      shown = found
      shown.index = math.min(index or 1, #found.items)
      draw()
    elseif kind == INVOKED then
      api.nvim_echo({ { 'tabby-lsp: no suggestion here' } }, false, {})
    end
  end, buf)
  this.id = id
end

--- The menu has changed the text into one that may be changed back by the next key.
local function in_menu()
  return vim.fn.pumvisible() == 1 and vim.fn.complete_info({ 'selected' }).selected >= 0
end

local function on_text()
  if not draw() then
    cancel()
    if enabled and options.automatic and not in_menu() then
      local this = due
      timer:start(options.debounce_ms, 0, vim.schedule_wrap(function()
        if due == this then
          ask(AUTOMATIC)
        end
      end))
    end
  end
end

--- A moved cursor only ever removes: whoever looks through a file is not to heat the processor.
local function on_move()
  if shown then
    draw()
  elseif asked and asked.place ~= place() then
    cancel()
  end
end

---@param set table the options of `require('tabby_lsp').setup`
function M.setup(set)
  options = set
  -- not ComplHint or NonText: in the default colours they have a contrast of 2.3:1, which is hard to read
  api.nvim_set_hl(0, 'TabbyGhost', { link = 'Comment', default = true })
  api.nvim_set_hl(0, 'TabbyGhostCount', { link = 'NonText', default = true })
end

---@param buf integer
function M.attach(buf)
  local group = api.nvim_create_augroup('tabby_lsp.ghost.' .. buf, {})
  local function on(events, callback)
    api.nvim_create_autocmd(events, { group = group, buffer = buf, callback = callback })
  end
  on({ 'InsertEnter', 'TextChangedI', 'TextChangedP' }, function(event)
    -- a question would end what is being written, and what has been written asks for nothing
    local ours = event.event ~= 'InsertEnter' and steps.changed(buf)
    if ours or steps.coming(buf) then
      M.dismiss()
    else
      on_text()
    end
  end)
  on('CursorMovedI', on_move)
  on({ 'InsertLeave', 'BufLeave', 'LspDetach' }, M.dismiss)
end

---@return boolean
function M.visible()
  return not in_menu() and suggestion.rest(shown) ~= nil
end

--- Insert the visible suggestion or the beginning of it.
---@param part? 'word'|'line' nil: all of it
function M.accept(part)
  local text = suggestion.rest(shown)
  if not text or not shown then
    return
  end
  local client, buf, command = shown.client, shown.buf, shown.items[shown.index].command
  local piece = suggestion.piece(text, part)
  local row, col = suggestion.cursor()
  local lines = vim.split(piece, '\n', { plain = true })
  api.nvim_buf_set_text(buf, row, col, row, col, lines)
  api.nvim_win_set_cursor(0, { row + #lines, #lines[#lines] + (#lines == 1 and col or 0) })
  if piece ~= text then
    draw()
    return
  end
  clear() -- and the TextChangedI that follows asks for more
  if command then
    client:exec_cmd(command, { bufnr = buf })
  end
end

--- Remove the suggestion, and the question for one.
function M.dismiss()
  cancel()
  clear()
end

--- Show the next suggestion; where there is but one, ask for more.
function M.next()
  if shown and #shown.items > 1 then
    shown.index = shown.index % #shown.items + 1
    draw()
  else
    ask(INVOKED, 2)
  end
end

--- Ask by hand.
function M.trigger()
  ask(INVOKED)
end

--- Ask as if something had been typed, where nothing is shown or on its way.
function M.ask_again()
  local buf = api.nvim_get_current_buf()
  if inserting() and not shown and not asked and client_of(buf) and not steps.coming(buf) then
    on_text()
  end
end

--- The server has more of an answer than it gave: ask again, and show it where it continues what is visible.
---@param params { uri: string, version: integer }
function M.longer(params)
  local text = suggestion.rest(shown)
  if not text or #shown.items > 1 or (asked and not asked.again) then
    return
  end
  -- not the buffer's version: that is ahead of what the server has heard while somebody types along
  if vim.uri_from_bufnr(shown.buf) == params.uri and params.version >= shown.version then
    ask(AUTOMATIC, 1, text)
  end
end

---@return boolean
function M.enabled()
  return enabled
end

---@param on boolean
function M.enable(on)
  enabled = on
  M.dismiss()
end

return M
