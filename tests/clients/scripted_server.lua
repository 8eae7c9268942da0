--- A language server inside Neovim, for tests of the client: it answers what the test has told it to.
Scripted = {
  items = {}, -- what is suggested
  replies = {}, -- to commands, by their name
  hold = false,
  held = {},
  requests = {},
  cancelled = {},
  ended = {},
  commands = {},
  executed = {},
  folders = {},
  rests = {},
  steps = {}, -- the replies to pieces
}

function Scripted.seen()
  return vim.json.encode({
    requests = Scripted.requests,
    cancelled = Scripted.cancelled,
    commands = Scripted.commands,
    executed = Scripted.executed,
    ended = Scripted.ended,
    folders = Scripted.folders,
    rests = Scripted.rests,
    steps = Scripted.steps,
  })
end

--- Send the replies that were held back.
function Scripted.release()
  for _, reply in ipairs(Scripted.held) do
    reply()
  end
  Scripted.held = {}
end

--- Say that there is more of the last answer.
---@param version? integer the one that was answered; nil: the buffer's
function Scripted.longer(version)
  version = version or vim.lsp.util.buf_versions[vim.api.nvim_get_current_buf()]
  Scripted.notify('tabby/longer', { uri = vim.uri_from_bufnr(0), version = version })
end

--- Send a piece of an edit, as Neovim's own client hands one over.
---@param step table
function Scripted.step(step)
  vim.schedule(coroutine.wrap(function()
    table.insert(Scripted.steps, Scripted.request('tabby/step', step))
  end))
end

vim.lsp.config('tabby_lsp', {
  cmd = function(dispatchers)
    Scripted.notify = dispatchers.notification
    Scripted.request = dispatchers.server_request
    local last = 0
    local server = {}
    function server.request(method, params, callback, notify)
      last = last + 1
      local id, result = last, vim.NIL
      if method == 'initialize' then
        Scripted.experimental = params.capabilities.experimental
        result = {
          capabilities = {
            positionEncoding = Scripted.encoding,
            textDocumentSync = 2,
            inlineCompletionProvider = vim.empty_dict(),
            executeCommandProvider = { commands = { 'accepted' } },
          },
        }
      elseif method == 'textDocument/inlineCompletion' then
        table.insert(Scripted.requests, { position = params.position, kind = params.context.triggerKind })
        result = { items = vim.deepcopy(Scripted.items) }
      elseif method == 'workspace/executeCommand' then
        table.insert(Scripted.commands, params.arguments[1])
        table.insert(Scripted.executed, { command = params.command, argument = params.arguments[1] })
        result = Scripted.replies[params.command] or vim.NIL
      end
      local function reply()
        if notify then
          notify(id)
        end
        callback(nil, result)
      end
      if Scripted.hold and method == 'textDocument/inlineCompletion' then
        table.insert(Scripted.held, reply)
      else
        vim.schedule(reply)
      end
      return true, id
    end
    function server.notify(method, params)
      if method == '$/cancelRequest' then
        table.insert(Scripted.cancelled, params.id)
      elseif method == 'window/workDoneProgress/cancel' then
        table.insert(Scripted.ended, params.token)
      elseif method == 'workspace/didChangeWorkspaceFolders' then
        vim.list_extend(Scripted.folders, params.event.added)
      elseif method == 'tabby/cursor' then
        table.insert(Scripted.rests, { position = params.position, asked = #Scripted.requests })
      end
      return true
    end
    function server.is_closing()
      return false
    end
    function server.terminate() end
    return server
  end,
})
