--- A language server inside Neovim, for tests of the client: it answers what the test has told it to.
Scripted = { items = {}, hold = false, held = {}, requests = {}, cancelled = {}, commands = {}, folders = {}, rests = {} }

function Scripted.seen()
  return vim.json.encode({
    requests = Scripted.requests,
    cancelled = Scripted.cancelled,
    commands = Scripted.commands,
    folders = Scripted.folders,
    rests = Scripted.rests,
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

vim.lsp.config('tabby_lsp', {
  cmd = function(dispatchers)
    Scripted.notify = dispatchers.notification
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
