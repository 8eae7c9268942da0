--- `tabby/step`: a longer edit that appears piece by piece while the rest of it is being written; one undo step.
local undo = require('tabby_lsp.undo')
local api = vim.api

local M = {}

---@class tabby_lsp.Step the params of `tabby/step`
---@field id integer of the edit
---@field textDocument { uri: string, version: integer? } version: nil or vim.NIL where it does not matter
---@field edits lsp.TextEdit[] in the document as the piece before left it; the last piece may have none
---@field first boolean
---@field last boolean

---@class tabby_lsp.Writing what is written in a buffer
---@field id integer
---@field client integer
---@field open boolean there is more to come, and nothing else has changed the buffer since the first piece
---@field ours boolean a piece is being put in
---@field tick integer? of the buffer after the last piece so far

---@type table<integer, tabby_lsp.Writing> by buffer
local writings = {}

--- Not `changedtick`: that moves with each save too, and there are plugins that save after every change.
---@param buf integer
---@param writing tabby_lsp.Writing
local function watch(buf, writing)
  api.nvim_buf_attach(buf, false, {
    on_lines = function()
      writing.open = writing.open and writing.ours
      return not writing.open -- true: it is not watched any more
    end,
    on_detach = function() -- by a reload too
      writing.open = false
      if writings[buf] == writing then
        writings[buf] = nil
      end
    end,
  })
end

---@param buf integer
---@param step tabby_lsp.Step
---@param client vim.lsp.Client
---@return tabby_lsp.Writing? nil: the buffer is not what the edit was made for
local function begin(buf, step, client)
  local version = step.textDocument.version ---@type any
  -- the number of the newest change, whether or not the server has been told of it yet
  local known = type(version) ~= 'number' or version == vim.lsp.util.buf_versions[buf]
  if known and vim.lsp.buf_is_attached(buf, client.id) then
    local writing = { id = step.id, client = client.id, open = true, ours = false }
    undo.boundary(buf)
    watch(buf, writing)
    return writing
  end
end

---@param buf integer
---@param step tabby_lsp.Step
---@param encoding 'utf-8'|'utf-16'|'utf-32'
local function put(buf, step, encoding)
  if not step.first and step.edits[1] then
    api.nvim_buf_call(buf, vim.cmd.undojoin) -- it acts on the current buffer
  end
  vim.lsp.util.apply_text_edits(step.edits, buf, encoding)
  -- between two pieces as well: in insert mode Neovim would add what is typed then to the piece before
  undo.boundary(buf)
end

--- Put a piece in, unless the buffer is not what it was made for.
---@param step tabby_lsp.Step
---@param context { client_id: integer }
---@return { applied: boolean }
function M.step(_, step, context)
  local client = assert(vim.lsp.get_client_by_id(context.client_id))
  local buf = vim.uri_to_bufnr(step.textDocument.uri)
  if step.first then
    writings[buf] = begin(buf, step, client)
  end
  local writing = writings[buf]
  if not writing or not writing.open or writing.client ~= client.id or writing.id ~= step.id then
    return { applied = false }
  end
  writing.ours = true
  local applied = pcall(put, buf, step, client.offset_encoding)
  writing.ours = false
  writing.tick = api.nvim_buf_get_changedtick(buf)
  writing.open = applied and not step.last
  return { applied = applied }
end

--- Whether more is to come.
---@param buf integer
---@return boolean
function M.coming(buf)
  local writing = writings[buf]
  return writing ~= nil and writing.open and vim.lsp.buf_is_attached(buf, writing.client)
end

--- Whether the last change of a buffer is ours.
---@param buf integer
---@return boolean
function M.changed(buf)
  return writings[buf] ~= nil and writings[buf].tick == api.nvim_buf_get_changedtick(buf)
end

return M
