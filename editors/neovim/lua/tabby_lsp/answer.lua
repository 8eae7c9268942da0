--- Answers: Markdown documents that the server shows, in a window of their own, with links into the code.
local api = vim.api

local M = {}

---@param path string
local function is_answer(path)
  return path:find('tabby%-lsp[/\\].*answers[/\\][^/\\]+%.md$') ~= nil
end

--- The link at the cursor; else the first one of its line.
---@return string? uri
---@return integer? line from 1
local function link()
  local text, column = api.nvim_get_current_line(), api.nvim_win_get_cursor(0)[2] + 1
  local found ---@type string?
  for start, uri, stop in text:gmatch('()%[[^%]]*%]%((file://[^%s)]+)%)()') do
    if not found or start <= column and column < stop then
      found = uri
    end
  end
  if found then
    local uri, line = found:match('^(.-)#L(%d+)')
    return uri or found, tonumber(line)
  end
end

--- Go to the code that the line is about, in the window that one came from.
function M.follow()
  local uri, line = link()
  if not uri then
    return
  end
  local before = vim.fn.win_getid(vim.fn.winnr('#'))
  if before ~= 0 and api.nvim_win_is_valid(before) then
    api.nvim_set_current_win(before)
  end
  local place = { line = (line or 1) - 1, character = 0 }
  vim.lsp.util.show_document({ uri = uri, range = { start = place, ['end'] = place } }, 'utf-8', { focus = true })
end

---@param path string
---@return integer
local function buffer_of(path)
  local buf = vim.fn.bufadd(path)
  vim.bo[buf].buftype = 'nowrite' -- before it is read, so that no server is attached to it
  vim.fn.bufload(buf)
  vim.bo[buf].modifiable = false
  vim.bo[buf].filetype = 'markdown'
  for key, action in pairs({ q = '<Cmd>close<CR>', ['<CR>'] = M.follow, gf = M.follow }) do
    vim.keymap.set('n', key, action, { buffer = buf, nowait = true })
  end
  return buf
end

--- `window/showDocument`: an answer does not take the place of the code that it is about, and takes no keys from
--- somebody who is typing.
---@param params lsp.ShowDocumentParams
function M.show(problem, params, context)
  local path = params and vim.uri_to_fname(params.uri) or ''
  if not is_answer(path) then
    return vim.lsp.handlers['window/showDocument'](problem, params, context)
  end
  local buf = buffer_of(path)
  local there = vim.iter(api.nvim_tabpage_list_wins(0)):find(function(window)
    return is_answer(api.nvim_buf_get_name(api.nvim_win_get_buf(window)))
  end)
  if there then
    api.nvim_win_set_buf(there, buf)
  else
    there = api.nvim_open_win(buf, false, { split = vim.o.columns >= 160 and 'right' or 'below', win = 0 })
  end
  vim.wo[there][0].wrap, vim.wo[there][0].linebreak = true, true
  vim.wo[there][0].conceallevel, vim.wo[there][0].concealcursor = 2, 'nc' -- the addresses of links are long
  if params.takeFocus and api.nvim_get_mode().mode == 'n' then
    api.nvim_set_current_win(there)
  end
  return { success = true }
end

return M
