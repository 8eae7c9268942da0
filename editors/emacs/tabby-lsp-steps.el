;;; tabby-lsp-steps.el --- Edits as steps that can be undone -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; What the server edits comes while somebody types, at once or, with our own
;; `tabby/step', piece by piece while the rest is being written.  Either way it
;; is one step for undo, and what was typed before or after it is another.

;;; Code:

(require 'cl-lib)
(require 'eglot)
(require 'tabby-lsp-ghost)

(defvar tabby-lsp--tick)
(declare-function tabby-lsp--cancel "tabby-lsp")

(defvar-local tabby-lsp--writing nil
  "(ID GROUP . TICK) while pieces of an edit come, else nil.
ID is the edit's, GROUP the change group of all pieces, TICK the value of
`buffer-chars-modified-tick' after the last one so far.")

(cl-defmethod eglot-handle-request :extra "tabby-lsp-undo" :around
  (server (_method (eql workspace/applyEdit)) &rest _)
  "Set what SERVER edits apart from what is typed before and after it.
It comes between two commands, where Emacs makes no boundary of its own."
  (cl-flet ((set-apart ()
              (dolist (buffer (eglot--managed-buffers server))
                (when (buffer-live-p buffer)
                  (with-current-buffer buffer (undo-boundary))))))
    (set-apart)
    (prog1 (cl-call-next-method)
      (set-apart))))

(defun tabby-lsp--buffer (server uri)
  "The buffer that SERVER knows as URI."
  (seq-find (lambda (buffer)
              (and (buffer-live-p buffer)
                   (with-current-buffer buffer
                     (equal uri (plist-get (eglot--TextDocumentIdentifier) :uri)))))
            (eglot--managed-buffers server)))

(defun tabby-lsp--begin-writing (id version)
  "Expect pieces of the edit ID, made for VERSION of this buffer.
If it is nil, any version will do."
  (eglot--signal-textDocument/didChange) ; a change that was held back makes it another one
  (setq tabby-lsp--writing nil)
  (when (and (memql version
                    (list nil (plist-get (eglot--VersionedTextDocumentIdentifier)
                                         :version)))
             (not buffer-read-only)
             ;; who wants to see an edit before it is made gets it as a whole
             (memq (eglot--confirm-server-edits last-command nil)
                   '(nil maybe-diff maybe-summary)))
    (undo-boundary)
    (setq tabby-lsp--writing
          `(,id ,(prepare-change-group) . ,(buffer-chars-modified-tick)))))

(defun tabby-lsp--write (id edits last)
  "Make EDITS, a piece of the edit ID; if LAST is non-nil, none follows.
Return whether they were made: nothing else may have changed the buffer."
  (pcase-let ((`(,begun ,group . ,tick) tabby-lsp--writing))
    (when (and group (eql id begun) (= tick (buffer-chars-modified-tick)))
      (setq tabby-lsp--writing nil)
      ;; a suggestion does not fit any more, and a question would end the writing
      (tabby-lsp--cancel)
      (tabby-lsp--hide)
      (eglot--apply-text-edits edits nil t)
      (undo-amalgamate-change-group group)
      (undo-boundary)
      (setq tabby-lsp--tick (buffer-chars-modified-tick))
      (unless last
        (setq tabby-lsp--writing `(,id ,group . ,tabby-lsp--tick)))
      t)))

(cl-defmethod eglot-handle-request
  (server (_method (eql tabby/step))
          &key id textDocument edits first last &allow-other-keys)
  "Make the EDITS of SERVER in TEXTDOCUMENT, a piece of the longer edit ID.
FIRST and LAST say whether it is the first or the last one."
  (let ((buffer (tabby-lsp--buffer server (plist-get textDocument :uri))))
    (list :applied
          (or (and buffer
                   (with-current-buffer buffer
                     (when (eq first t)
                       (tabby-lsp--begin-writing
                        id (plist-get textDocument :version)))
                     (tabby-lsp--write id edits (eq last t))))
              :json-false))))

(provide 'tabby-lsp-steps)
;;; tabby-lsp-steps.el ends here
