--- Changes that come while somebody types: each is an undo step of its own, where Neovim would take the typed text back
--- with it.
local M = {}

--- What comes next is an undo step of its own.
---@param buf integer
function M.boundary(buf)
  vim.bo[buf].undolevels = vim.bo[buf].undolevels -- `:help undo-break`
end

--- Run what changes buffers; it shares its undo step with nothing else.
---@param buffers integer[]
---@param change fun(...): any
function M.apart(buffers, change, ...)
  vim.iter(buffers):each(M.boundary)
  local result = change(...)
  vim.iter(buffers):each(M.boundary)
  return result
end

--- `workspace/applyEdit`.
---@param params lsp.ApplyWorkspaceEditParams
function M.apply(problem, params, context)
  local uris = vim.tbl_keys(params.edit.changes or {})
  for _, change in ipairs(params.edit.documentChanges or {}) do
    local document = change.textDocument
    uris[#uris + 1] = document and document.uri
    -- Neovim itself says that it has applied an edit that it leaves out, and takes any for a version of 0
    if document and type(document.version) == 'number' then
      if vim.lsp.util.buf_versions[vim.uri_to_bufnr(document.uri)] ~= document.version then
        return { applied = false, failureReason = 'the buffer has changed' }
      end
    end
  end
  local loaded = vim.tbl_filter(vim.api.nvim_buf_is_loaded, vim.tbl_map(vim.uri_to_bufnr, uris))
  return M.apart(loaded, vim.lsp.handlers['workspace/applyEdit'], problem, params, context)
end

return M
