;;; tabby-lsp-commands-tests.el --- Tests of actions, questions, messages -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; The README says how to run them.  The last ones talk to a real server with
;; a real model; they are skipped where there is none.

;;; Code:

(require 'ert)
(require 'tabby-lsp)
(require 'tabby-lsp-tests)

(defvar tabby-lsp-tests--asked nil
  "(COMMAND . ARGUMENT) of what the server was asked, the last one first.")

(defmacro tabby-lsp-tests--with-commands (reply &rest body)
  "Run BODY with a server whose commands reply with REPLY, once asked to."
  (declare (indent 1))
  `(let (tabby-lsp-tests--asked (tabby-lsp--threads 0))
     (cl-letf (((symbol-function 'tabby-lsp--any-server) (lambda () 'server))
               ((symbol-function 'eglot--current-server-or-lose) (lambda () 'server))
               ((symbol-function 'eglot--signal-textDocument/didChange) #'ignore)
               ((symbol-function 'eglot--TextDocumentIdentifier)
                (lambda () (list :uri "file:///a")))
               ((symbol-function 'jsonrpc-async-request)
                (lambda (_server _method params &rest rest)
                  (push (cons (plist-get params :command)
                              (aref (plist-get params :arguments) 0))
                        tabby-lsp-tests--asked)
                  (funcall (plist-get rest :success-fn) ,reply))))
       ,@body)))

(ert-deftest tabby-lsp-rewrite-says-where ()
  (tabby-lsp-tests--with "one\ntwo\n"
    (let ((eglot-current-linepos-function #'eglot-utf-32-linepos))
      (tabby-lsp-tests--with-commands nil
        (tabby-lsp-rewrite "shorter" 2 7)
        (should (equal tabby-lsp-tests--asked
                       '(("tabby-lsp.rewrite"
                          :uri "file:///a"
                          :range (:start (:line 0 :character 1)
                                  :end (:line 1 :character 2))
                          :instruction "shorter"))))))))

(ert-deftest tabby-lsp-questions-stand-in-threads ()
  (tabby-lsp-tests--with-commands nil
    (tabby-lsp-ask "Where?" t)
    (tabby-lsp-ask "And who?" t)
    (tabby-lsp-ask "Why?")
    (pcase-let ((`((,_ . ,third) (,_ . ,second) (,_ . ,first)) tabby-lsp-tests--asked))
      (should (equal (plist-get second :question) "And who?"))
      (should (equal (plist-get first :thread) (plist-get second :thread)))
      (should-not (equal (plist-get first :thread) (plist-get third :thread))))))

(ert-deftest tabby-lsp-message-is-one-undo-step ()
  (tabby-lsp-tests--with "ab"
    (backward-char)
    (tabby-lsp-tests--with-commands '(:text "Add it" :message "")
      (tabby-lsp-commit-message)
      (should (plist-get (cdar tabby-lsp-tests--asked) :reply)))
    (should (equal (buffer-string) "aAdd itb"))
    (undo-only 1)
    (should (equal (buffer-string) "ab"))))

(ert-deftest tabby-lsp-message-that-cannot-be-written ()
  (tabby-lsp-tests--with "ab"
    (let (said)
      (cl-letf (((symbol-function 'message)
                 (lambda (&rest args) (setq said (apply #'format args)))))
        (tabby-lsp-tests--with-commands '(:text "" :message "Nothing has changed.")
          (tabby-lsp-commit-message)))
      (should (equal said "tabby-lsp: Nothing has changed."))
      (should (equal (buffer-string) "ab")))))

(ert-deftest tabby-lsp-cancel-ends-what-may-be ()
  (let ((tabby-lsp--running (make-hash-table :test #'equal))
        (eglot-report-progress nil) told)
    (cl-letf (((symbol-function 'jsonrpc-running-p) #'always)
              ((symbol-function 'jsonrpc-notify)
               (lambda (_ method params) (push (cons method params) told))))
      (pcase-dolist (`(,token . ,value)
                     '(("a" :kind "begin" :title "A" :cancellable t)
                       ("b" :kind "begin" :title "B" :cancellable :json-false)
                       ("c" :kind "begin" :title "C" :cancellable t)
                       ("c" :kind "end")))
        (eglot-handle-notification 'server '$/progress :token token :value value))
      (tabby-lsp-cancel)
      (tabby-lsp-cancel))
    (should (equal told '((:window/workDoneProgress/cancel :token "a"))))))

(ert-deftest tabby-lsp-answers-link-to-the-code ()
  (let* ((folder (make-temp-file "tabby-lsp" t))
         (code (expand-file-name "some code.py" folder))
         (answer (expand-file-name "tabby-lsp/answers/why.md" folder))
         (auto-mode-alist (cons (cons tabby-lsp--answers #'tabby-lsp-answer-mode)
                                auto-mode-alist)))
    (make-directory (file-name-directory answer) t)
    (with-temp-file code (insert "a\nb\nc\n"))
    (with-temp-file answer
      (insert (format "# Why?\n\nSee [some code.py:2](file://%s#L2).\n"
                      (string-replace " " "%20" code))))
    (unwind-protect
        (save-window-excursion
          (find-file answer)
          (should (derived-mode-p 'tabby-lsp-answer-mode))
          (should buffer-read-only)
          (should-not (buffer-modified-p))
          (forward-button 1)
          (should (equal (button-label (button-at (point))) "some code.py:2"))
          (push-button)
          (should (equal (file-truename (buffer-file-name)) (file-truename code)))
          (should (looking-at "b$")))
      (dolist (file (list code answer))
        (when-let* ((buffer (get-file-buffer file))) (kill-buffer buffer)))
      (delete-directory folder t))))

;;;; With the real server

(defconst tabby-lsp-tests--code
  "def twice(numbers):\n    doubled = []\n    for number in numbers:\n\
        doubled.append(number * 2)\n    return doubled\n\n\nprint(twice([1, 2, 3]))\n"
  "What the actions are tried on.")

(defmacro tabby-lsp-tests--with-code (tokens &rest body)
  "Run BODY in a file that a real server manages whose answers have TOKENS."
  (declare (indent 1))
  `(let* ((folder (make-temp-file "tabby-lsp" t))
          (file (expand-file-name "code.py" folder))
          (process-environment
           (append (list (format "TABBY_LSP_ACTIONS_MAX_TOKENS=%d" ,tokens)
                         "TABBY_LSP_INDEX_ENABLED=false"
                         (concat "XDG_CACHE_HOME=" (expand-file-name "cache" folder)))
                   process-environment))
          (eglot-sync-connect 30)
          (eglot-server-programs nil)
          (auto-mode-alist auto-mode-alist)
          (tabby-lsp-idle-delay nil))
     (skip-unless (executable-find (car tabby-lsp-command)))
     (tabby-lsp-setup)
     (with-temp-file file (insert tabby-lsp-tests--code))
     (unwind-protect
         (save-window-excursion
           (find-file file)
           (python-mode)
           (buffer-enable-undo)
           (apply #'eglot (eglot--guess-contact))
           (let ((state (tabby-lsp-tests--wait
                         120 (lambda ()
                               (car (member (plist-get (tabby-lsp--status) :state)
                                            '("ready" "no-model" "error")))))))
             (unless (equal state "ready")
               (ert-skip (format "the server has no model: %s" state))))
           (goto-char (point-min))
           (undo-boundary)
           ,@body)
       (when-let* ((buffer (get-file-buffer file)))
         (with-current-buffer buffer
           (set-buffer-modified-p nil)
           (when (eglot-current-server)
             (ignore-errors (eglot-shutdown (eglot-current-server)))))
         (kill-buffer buffer))
       (delete-directory folder t))))

(defun tabby-lsp-tests--changed ()
  "Wait until the code is not what it was; return whether it ever is."
  (tabby-lsp-tests--wait
   120 (lambda () (not (equal (buffer-string) tabby-lsp-tests--code)))))

(defun tabby-lsp-tests--choose (title)
  "Choose what begins with TITLE from Eglot's menu; return the entries."
  (let (entries)
    (cl-letf (((symbol-function 'completing-read)
               (lambda (_ collection &rest _)
                 (setq entries (all-completions "" collection))
                 (seq-find (lambda (entry) (string-prefix-p title entry)) entries))))
      (let (last-nonmenu-event)
        (setq last-nonmenu-event ?a)
        (eglot-code-actions (point) nil nil t)))
    entries))

(ert-deftest tabby-lsp-real-actions ()
  (tabby-lsp-tests--with-code 96
    (let ((entries (tabby-lsp-tests--choose "Document")))
      (dolist (title '("Explain" "Document" "Simplify"))
        (should (seq-some (lambda (entry) (string-prefix-p title entry)) entries))))
    (should (tabby-lsp-tests--changed))
    (should (string-prefix-p "def twice(numbers):\n    \"\"\"" (buffer-string)))
    (undo-boundary)
    (undo-only 1)
    (should (equal (buffer-string) tabby-lsp-tests--code))
    (undo-boundary)

    (goto-char (point-min))
    (tabby-lsp-rewrite "Rename the variable doubled to result." (point) (point))
    (should (tabby-lsp-tests--changed))
    (should (string-suffix-p "\nprint(twice([1, 2, 3]))\n" (buffer-string)))
    (undo-boundary)
    (undo-only 1)
    (should (equal (buffer-string) tabby-lsp-tests--code))

    (goto-char (point-min))
    (tabby-lsp-tests--choose "Explain")
    (should (tabby-lsp-tests--wait
             120 (lambda ()
                   (with-current-buffer (window-buffer)
                     (derived-mode-p 'tabby-lsp-answer-mode)))))
    (with-current-buffer (window-buffer)
      (should (string-prefix-p "# Explain" (buffer-string)))
      (kill-buffer))))

(ert-deftest tabby-lsp-real-cancel ()
  (tabby-lsp-tests--with-code 4096
    (tabby-lsp-rewrite "Write this out for each of the numbers from 1 to 500."
                       (point) (point))
    (should (tabby-lsp-tests--wait
             60 (lambda () (> (hash-table-count tabby-lsp--running) 0))))
    (let ((tokens (hash-table-keys tabby-lsp--running)) ended)
      (cl-letf* ((handle (symbol-function 'eglot-handle-notification))
                 ((symbol-function 'eglot-handle-notification)
                  (lambda (server method &rest params)
                    (when (equal "end" (plist-get (plist-get params :value) :kind))
                      (push (plist-get params :token) ended))
                    (apply handle server method params))))
        (tabby-lsp-cancel)
        (should (tabby-lsp-tests--wait
                 20 (lambda () (seq-intersection tokens ended)))))
      (should (equal (buffer-string) tabby-lsp-tests--code)))))

(provide 'tabby-lsp-commands-tests)
;;; tabby-lsp-commands-tests.el ends here
