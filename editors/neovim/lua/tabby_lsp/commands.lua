--- What a menu of code actions cannot give: an instruction, a question, a place for a commit's message; and an end.
local undo = require('tabby_lsp.undo')
local api = vim.api

local M = {}

---@type table<integer, table<lsp.ProgressToken, true>> by client: what is under way and may be cancelled
local running = {}
local threads = 0

---@param text string
---@param level? integer
local function say(text, level)
  vim.notify('tabby-lsp: ' .. text, level or vim.log.levels.WARN)
end

--- The server of a buffer; any, where the buffer has none.
---@param buf? integer
---@return vim.lsp.Client?
local function client_of(buf)
  local clients = buf and vim.lsp.get_clients({ bufnr = buf, name = 'tabby_lsp' }) or {}
  local client = clients[1] or not buf and vim.lsp.get_clients({ name = 'tabby_lsp' })[1]
  if not client then
    say(buf and 'the server does not serve this buffer' or 'not running; `:checkhealth vim.lsp` says why')
  end
  return client or nil
end

--- Run a command; the server begins, and says by itself what goes wrong, unless it is to reply.
---@param client vim.lsp.Client
---@param command string
---@param argument table
---@param replied? fun(text: string) gets the reply; called only where there is one
local function execute(client, command, argument, replied)
  argument.reply = replied and true or nil
  client:request('workspace/executeCommand', { command = command, arguments = { argument } }, function(problem, reply)
    if problem then
      say(problem.message, vim.log.levels.ERROR)
    elseif replied and type(reply) == 'table' then
      if reply.text ~= '' then
        replied(reply.text)
      elseif reply.message ~= '' then
        say(reply.message)
      end
    end
  end)
end

--- Have somebody write a line, unless it is there already.
---@param line string?
---@param prompt string
---@param go_on fun(line: string)
local function asked(line, prompt, go_on)
  local function given(text)
    if text and vim.trim(text) ~= '' then
      go_on(vim.trim(text))
    end
  end
  if line and line ~= '' then
    given(line)
  else
    vim.ui.input({ prompt = prompt }, given)
  end
end

---@param line integer from 1
---@param encoding 'utf-8'|'utf-16'|'utf-32'
local function end_of(line, encoding)
  local text = api.nvim_buf_get_lines(0, line - 1, line, false)[1] or ''
  return { line = line - 1, character = vim.str_utfindex(text, encoding, #text) }
end

--- Rewrite lines, or the function around the cursor, as an instruction says.
---@param instruction? string nil: it is asked for
---@param first? integer line from 1; nil: the function around the cursor
---@param last? integer line from 1, included
function M.rewrite(instruction, first, last)
  local client = client_of(api.nvim_get_current_buf())
  if not client then
    return
  end
  local uri, range = vim.uri_from_bufnr(0), nil
  if first then
    range = { start = { line = first - 1, character = 0 }, ['end'] = end_of(last or first, client.offset_encoding) }
  else
    local place = vim.lsp.util.make_position_params(0, client.offset_encoding).position
    range = { start = place, ['end'] = place }
  end
  asked(instruction, 'Rewrite: ', function(text)
    execute(client, 'tabby-lsp.rewrite', { uri = uri, range = range, instruction = text })
  end)
end

--- Ask something about the repository; the answer comes as a document.
---@param question? string nil: it is asked for
---@param options? { follow: boolean? } follow: the question goes on where the last one ended
function M.ask(question, options)
  local client = client_of()
  if not client then
    return
  end
  local follow = options and options.follow and threads > 0
  asked(question, follow and 'Ask further: ' or 'Ask: ', function(text)
    threads = follow and threads or threads + 1
    execute(client, 'tabby.ask', {
      question = text,
      thread = ('neovim-%d-%d'):format(vim.fn.getpid(), threads),
      uri = vim.uri_from_fname(vim.fn.getcwd()),
    })
  end)
end

--- The folder of the repository that is meant: `git commit` starts its editor in it, and a plugin's buffer may be
--- anywhere.
---@return string
local function repository()
  local here = vim.fn.getcwd()
  return vim.fs.root(here, '.git') or vim.fs.root(0, '.git') or here
end

--- Have a line written about what is to be committed.
---@param command string
---@param write fun(text: string)
local function about_changes(command, write)
  local client = client_of()
  if client then
    execute(client, command, { uri = vim.uri_from_fname(repository()) }, write)
  end
end

--- Put a message for what is staged in at the cursor.
function M.commit_message()
  local buf = api.nvim_get_current_buf()
  if not vim.bo[buf].modifiable then
    return say('this buffer cannot be changed')
  end
  local space = api.nvim_create_namespace('tabby_lsp.commit')
  local at = api.nvim_win_get_cursor(0)
  local mark = api.nvim_buf_set_extmark(buf, space, at[1] - 1, at[2], {})
  about_changes('tabby-lsp.commitMessage', function(text)
    if api.nvim_buf_is_loaded(buf) then
      local row, column = unpack(api.nvim_buf_get_extmark_by_id(buf, space, mark, {}))
      api.nvim_buf_del_extmark(buf, space, mark)
      local lines = vim.split(text, '\n')
      undo.apart({ buf }, api.nvim_buf_set_text, buf, row, column, row, column, lines)
    end
  end)
end

--- Get a name for a branch.
---@param use? fun(name: string) nil: it is put into the unnamed register, and said
function M.branch_name(use)
  about_changes('tabby-lsp.branchName', use or function(name)
    vim.fn.setreg('"', name)
    say(name .. ' (in the unnamed register)', vim.log.levels.INFO)
  end)
end

--- End what is being written: actions, answers, messages.
function M.cancel()
  for id, tokens in pairs(running) do
    local client = vim.lsp.get_client_by_id(id)
    for token in pairs(client and tokens or {}) do
      client:notify('window/workDoneProgress/cancel', { token = token })
    end
  end
end

---@param event { data: { client_id: integer, params: lsp.ProgressParams } }
local function follow_progress(event)
  local id, params = event.data.client_id, event.data.params
  local client = vim.lsp.get_client_by_id(id)
  if client and client.name == 'tabby_lsp' then
    running[id] = running[id] or {}
    if params.value.kind == 'begin' then
      running[id][params.token] = params.value.cancellable or nil
    elseif params.value.kind == 'end' then
      running[id][params.token] = nil
    end
  end
end

function M.setup()
  local command = api.nvim_create_user_command
  command('TabbyRewrite', function(given)
    M.rewrite(given.args, given.range > 0 and given.line1 or nil, given.line2)
  end, { nargs = '*', range = true, desc = 'Rewrite the lines, or the function here, as you say' })
  command('TabbyAsk', function(given)
    M.ask(given.args, { follow = given.bang })
  end, { nargs = '*', bang = true, desc = 'Ask about the repository; with ! in the same thread' })
  command('TabbyCommitMessage', M.commit_message, { desc = 'Insert a message for what is staged' })
  command('TabbyBranchName', function()
    M.branch_name()
  end, { desc = 'Get a name for a branch into the unnamed register' })
  command('TabbyCancel', M.cancel, { desc = 'End what tabby-lsp is writing' })
  api.nvim_create_autocmd('LspProgress', {
    group = api.nvim_create_augroup('tabby_lsp.commands', {}),
    callback = follow_progress,
  })
end

return M
