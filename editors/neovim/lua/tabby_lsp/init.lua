--- Sets up the server's client, ghost text, keys, commands and the status for a status line.
local answer = require('tabby_lsp.answer')
local commands = require('tabby_lsp.commands')
local cursor = require('tabby_lsp.cursor')
local ghost = require('tabby_lsp.ghost')
local keys = require('tabby_lsp.keys')
local steps = require('tabby_lsp.steps')
local undo = require('tabby_lsp.undo')

local M = {}

---@class tabby_lsp.Options
local defaults = {
  debounce_ms = 75, -- the server drops an older request by itself, so this only has to outlast a burst of keys
  automatic = true, -- false: only when asked for by hand
  keys = { -- false: no such key; or all of them: `keys = false`
    accept = '<Tab>',
    accept_word = '<M-w>',
    accept_line = '<M-l>',
    dismiss = '<C-]>',
    next = '<M-]>',
    trigger = '<M-\\>',
  },
}

---@type { state: string, message: string, model: string, percent: integer? }
local status = { state = 'loading', message = '', model = '' }

--- What a status line shows: nothing where the server does not serve the current buffer.
---@return string
function M.statusline()
  if #vim.lsp.get_clients({ bufnr = 0, name = 'tabby_lsp' }) == 0 then
    return ''
  end
  local percent = status.percent and (' %d%%'):format(status.percent) or ''
  return 'tabby: ' .. (ghost.enabled() and status.state or 'off') .. percent
end

local function show_status()
  local parts = { 'tabby-lsp: ' .. status.state }
  for _, part in ipairs({ status.model, status.message }) do
    parts[#parts + 1] = part ~= '' and part or nil
  end
  if #vim.lsp.get_clients({ name = 'tabby_lsp' }) == 0 then
    parts = { 'tabby-lsp: not running; `:checkhealth vim.lsp` says why' }
  end
  vim.notify(table.concat(parts, ', '))
end

---@param params table what the server says, with vim.NIL for null
local function on_status(_, params)
  status = { state = params.state, message = params.message or '', model = params.model or '' }
  status.percent = type(params.percent) == 'number' and params.percent or nil
  vim.api.nvim_exec_autocmds('User', { pattern = 'TabbyStatus', modeline = false, data = status })
  vim.cmd.redrawstatus()
  if status.state == 'ready' then
    ghost.ask_again() -- whoever began to type before the model was loaded
    cursor.moved()
  end
end

---@param options? tabby_lsp.Options
function M.setup(options)
  options = vim.tbl_deep_extend('force', defaults, options or {})
  ghost.setup(options)

  vim.lsp.handlers['tabby/status'] = on_status
  vim.lsp.handlers['tabby/longer'] = function(_, params)
    ghost.longer(params)
  end
  -- 0.11 does not say that it can, and the server would fall back to a completion menu
  local inline = { textDocument = { inlineCompletion = { dynamicRegistration = false } } }
  vim.lsp.config('tabby_lsp', { capabilities = inline })
  -- without `longer` the server gives a line or nothing, since more could not be added
  vim.lsp.config('tabby_lsp', { capabilities = { experimental = { tabby = { longer = true, steps = true } } } })
  vim.lsp.config('tabby_lsp', {
    handlers = {
      ['tabby/step'] = steps.step,
      ['window/showDocument'] = answer.show,
      ['workspace/applyEdit'] = undo.apply,
    },
  })
  commands.setup()

  vim.api.nvim_create_autocmd('LspAttach', {
    group = vim.api.nvim_create_augroup('tabby_lsp', {}),
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      -- not supports_method(): 0.11 says true to methods that it does not know
      if client and client.name == 'tabby_lsp' and client.server_capabilities.inlineCompletionProvider then
        cursor.attach(event.buf)
        ghost.attach(event.buf)
        keys.map(event.buf, options.keys or {})
      end
    end,
  })
  vim.api.nvim_create_user_command('TabbyStatus', show_status, { desc = 'What tabby-lsp is doing' })
  vim.api.nvim_create_user_command('TabbyToggle', function()
    ghost.enable(not ghost.enabled())
    vim.cmd.redrawstatus()
  end, { desc = 'Switch ghost text on or off' })
  vim.lsp.enable('tabby_lsp')
end

return M
