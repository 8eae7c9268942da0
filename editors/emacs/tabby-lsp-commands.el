;;; tabby-lsp-commands.el --- Instructions, questions, messages of commits -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; What `eglot-code-actions' cannot give: an instruction, a question, a place
;; for a commit's message; and an end to what is being written.  The server
;; begins at once and says by itself what goes wrong, so nothing here waits.

;;; Code:

(require 'cl-lib)
(require 'eglot)
(require 'tabby-lsp-answer)

(defvar tabby-lsp--running (make-hash-table :test #'equal)
  "The server of each progress token that may be cancelled.")

(defvar tabby-lsp--threads 0
  "How many threads of questions there have been.")

(cl-defmethod eglot-handle-notification :extra "tabby-lsp" :before
  (server (_method (eql $/progress)) &key token value &allow-other-keys)
  "Keep SERVER's TOKEN while VALUE is of something that may be cancelled."
  (pcase (plist-get value :kind)
    ("begin" (when (eq t (plist-get value :cancellable))
               (puthash token server tabby-lsp--running)))
    ("end" (remhash token tabby-lsp--running))))

(defun tabby-lsp--command (server command argument &optional done)
  "Let SERVER run COMMAND with the plist ARGUMENT, without waiting for it.
If DONE is non-nil, it gets the text that the server replies with at the end."
  (jsonrpc-async-request
   server :workspace/executeCommand
   (list :command command
         :arguments (vector (if done (append '(:reply t) argument) argument)))
   :success-fn
   (lambda (reply)
     (when done
       (let ((text (or (plist-get reply :text) ""))
             (wrong (or (plist-get reply :message) "")))
         (cond ((not (string-empty-p text)) (funcall done text))
               ((not (string-empty-p wrong)) (message "tabby-lsp: %s" wrong))))))
   :error-fn (lambda (fault) (message "tabby-lsp: %s" (plist-get fault :message)))
   :timeout-fn (lambda () (message "tabby-lsp: no answer to %s" command))
   :timeout 600))

(defun tabby-lsp--knows-p (server)
  "Whether SERVER is alive and has the commands of tabby-lsp."
  (and (jsonrpc-running-p server)
       (seq-contains-p
        (plist-get (plist-get (eglot--capabilities server) :executeCommandProvider)
                   :commands)
        "tabby-lsp.rewrite")))

(defun tabby-lsp--any-server ()
  "The server of this buffer or its project; else one of any project.
Buffers in which messages of commits are written have none of their own."
  (let* ((here (expand-file-name default-directory))
         (servers (seq-filter #'tabby-lsp--knows-p
                              (flatten-tree (hash-table-values
                                             eglot--servers-by-project))))
         (around (lambda (server)
                   (string-prefix-p
                    (expand-file-name (project-root (eglot--project server))) here))))
    (or (seq-find #'tabby-lsp--knows-p (ensure-list (eglot-current-server)))
        (seq-find around servers)
        (car servers)
        (user-error "No server runs; visit a file of the project with Eglot first"))))

(defun tabby-lsp--folder ()
  "The URI of the repository around this buffer."
  (eglot-path-to-uri (expand-file-name (or (vc-root-dir) default-directory))))

;;;###autoload
(defun tabby-lsp-rewrite (instruction from to)
  "Rewrite the region, or the function at point, after INSTRUCTION.
FROM and TO are the region's ends; both are point for the function."
  (interactive
   (cons (read-string "Rewrite: ")
         (if (use-region-p) (list (region-beginning) (region-end))
           (list (point) (point)))))
  (eglot--signal-textDocument/didChange)
  (tabby-lsp--command
   (eglot--current-server-or-lose) "tabby-lsp.rewrite"
   (append (eglot--TextDocumentIdentifier)
           (list :range (list :start (eglot--pos-to-lsp-position from)
                            :end (eglot--pos-to-lsp-position to))
                 :instruction instruction))))

;;;###autoload
(defun tabby-lsp-ask (question &optional follow)
  "Ask QUESTION about the repository; the answer comes in a buffer.
With FOLLOW, the prefix argument, in the thread of the last question."
  (interactive
   (list (read-string (if current-prefix-arg "Ask further: " "Ask: "))
         current-prefix-arg))
  (unless (and follow (> tabby-lsp--threads 0)) (cl-incf tabby-lsp--threads))
  (tabby-lsp--command
   (tabby-lsp--any-server) "tabby.ask"
   (list :question question :uri (tabby-lsp--folder)
         :thread (format "emacs-%d-%d" (emacs-pid) tabby-lsp--threads))))

;;;###autoload
(defun tabby-lsp-commit-message ()
  "Insert a message for what is staged at point."
  (interactive "*")
  (let ((here (point-marker)))
    (tabby-lsp--command
     (tabby-lsp--any-server) "tabby-lsp.commitMessage"
     (list :uri (tabby-lsp--folder))
     (lambda (text)
       (when (buffer-live-p (marker-buffer here))
         (with-current-buffer (marker-buffer here)
           (save-excursion
             (goto-char here)
             (undo-boundary)
             (insert text)
             (undo-boundary))))))))

;;;###autoload
(defun tabby-lsp-branch-name ()
  "Put a name for a branch into the kill ring."
  (interactive)
  (tabby-lsp--command
   (tabby-lsp--any-server) "tabby-lsp.branchName"
   (list :uri (tabby-lsp--folder))
   (lambda (name)
     (kill-new name)
     (message "tabby-lsp: %s (in the kill ring)" name))))

;;;###autoload
(defun tabby-lsp-cancel ()
  "End what is being written: actions, answers, messages."
  (interactive)
  (maphash (lambda (token server)
             (when (jsonrpc-running-p server)
               (jsonrpc-notify server :window/workDoneProgress/cancel
                               (list :token token))))
           tabby-lsp--running)
  (clrhash tabby-lsp--running))

(provide 'tabby-lsp-commands)
;;; tabby-lsp-commands.el ends here
