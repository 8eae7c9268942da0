;;; tabby-lsp-tests.el --- Tests of tabby-lsp.el -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; The README says how to run them.  The last one talks to a real server with
;; a real model; it is skipped where there is no command `tabby-lsp', or where
;; that has no model.

;;; Code:

(require 'ert)
(require 'tabby-lsp)

(defmacro tabby-lsp-tests--with (text &rest body)
  "Run BODY in a buffer with TEXT and point at its end."
  (declare (indent 1))
  `(save-window-excursion
     (with-temp-buffer
       (switch-to-buffer (current-buffer))
       (buffer-enable-undo)
       (insert ,text)
       (undo-boundary)
       (unwind-protect (progn ,@body)
         (tabby-lsp--hide)))))

(defun tabby-lsp-tests--ghost ()
  "The text that is shown, or nil."
  (and tabby-lsp--shown
       (substring-no-properties (overlay-get tabby-lsp--overlay 'after-string))))

(defun tabby-lsp-tests--type (text)
  "Insert TEXT as a command would."
  (insert text)
  (tabby-lsp--after-command))

(ert-deftest tabby-lsp-typing-along-shrinks ()
  (tabby-lsp-tests--with "x = "
    (tabby-lsp--show '(("mean(values)") ("median(values)") ("sum(values)")))
    (tabby-lsp-tests--type "me")
    (should (equal (tabby-lsp-tests--ghost) "an(values)"))
    (tabby-lsp-tests--type "d")
    (should (equal (tabby-lsp-tests--ghost) "ian(values)"))
    (tabby-lsp-tests--type "x")
    (should-not (tabby-lsp-tests--ghost))))

(ert-deftest tabby-lsp-moving-and-deleting-hide ()
  (tabby-lsp-tests--with "x = "
    (dolist (change (list #'backward-char (lambda () (delete-char -1))
                          (lambda () (save-excursion (goto-char 1) (insert "a")))))
      (goto-char (point-max))
      (tabby-lsp--show '(("mean(values)")))
      (funcall change)
      (tabby-lsp--after-command)
      (should-not (tabby-lsp-tests--ghost)))))

(ert-deftest tabby-lsp-accepting-is-one-undo-step ()
  (tabby-lsp-tests--with "def f():\n    "
    (tabby-lsp--show '(("if x:\n        return 1\n    return 2")))
    (tabby-lsp-accept)
    (undo-boundary)
    (should (equal (buffer-string) "def f():\n    if x:\n        return 1\n    return 2"))
    (undo-only 1)
    (should (equal (buffer-string) "def f():\n    "))))

(ert-deftest tabby-lsp-accepts-words-and-lines ()
  (tabby-lsp-tests--with ""
    (tabby-lsp--show '(("a_b = (1,\n  2)")))
    (dolist (expected '("a_b" "a_b =" "a_b = ("))
      (tabby-lsp-accept-word)
      (should (equal (buffer-string) expected)))
    (tabby-lsp-accept-line)
    (should (equal (buffer-string) "a_b = (1,"))
    (tabby-lsp-accept-line)
    (should (equal (buffer-string) "a_b = (1,\n  2)"))
    (should-not (tabby-lsp-tests--ghost))))

(ert-deftest tabby-lsp-shows-one-after-the-other ()
  (tabby-lsp-tests--with ""
    (tabby-lsp--show '(("a") ("b") ("c")))
    (should (equal (cl-loop repeat 4 do (tabby-lsp-next 1)
                            collect (tabby-lsp-tests--ghost))
                   '("b" "c" "a" "b")))
    (tabby-lsp-previous 2)
    (should (equal (tabby-lsp-tests--ghost) "c"))))

(ert-deftest tabby-lsp-takes-items-that-only-insert ()
  (tabby-lsp-tests--with "ab)"
    (cl-flet ((insertion (text from to)
                (tabby-lsp--insertion
                 `(:insertText ,text
                   :range (:start (:line 0 :character ,from)
                           :end (:line 0 :character ,to)))
                 3)))
      (let ((eglot-move-to-linepos-function #'eglot-move-to-utf-32-linepos))
        (should (equal (insertion "cd" 2 2) "cd"))
        (should (equal (insertion "abcd" 0 2) "cd"))
        (should-not (insertion "xbcd" 0 2))
        (should-not (insertion "ab" 0 2))
        (should-not (insertion "cd)" 2 3))
        (should-not (insertion nil 2 2))))))

(ert-deftest tabby-lsp-settings-of-a-repository ()
  (dolist (harmless '(nil (:tabby-lsp (:completion (:max_tokens 32)))
                          (:pylsp (:plugins (:log-level 3)))))
    (should (tabby-lsp--harmless-p harmless)))
  (dolist (harmful '((:tabby-lsp (:log (:file "~/.profile")))
                     (:log (:file "~/.profile"))
                     ((tabby-lsp . (:Model (:path "evil.gguf"))))
                     (:tabby_lsp (:engine (:threads 64)))
                     always))
    (should-not (tabby-lsp--harmless-p harmful))))

;;;; With a server that answers when the test says so

(defvar tabby-lsp-tests--answers nil
  "Functions that answer the questions so far, the last one first.")

(defvar tabby-lsp-tests--heard nil
  "(METHOD . PARAMS) of the notifications so far, the last one first.")

(defvar tabby-lsp-tests--version 0
  "The document's version that the server has.")

(defmacro tabby-lsp-tests--with-server (text &rest body)
  "Run BODY in a buffer with TEXT that a server manages."
  (declare (indent 1))
  `(tabby-lsp-tests--with ,text
     (let (tabby-lsp-tests--answers tabby-lsp-tests--heard (id 0)
           (tick (buffer-chars-modified-tick))
           (tabby-lsp-tests--version 0) tabby-lsp--rest-told)
       (cl-letf (((symbol-function 'eglot-current-server) (lambda () 'server))
                 ((symbol-function 'eglot--signal-textDocument/didChange)
                  (lambda ()
                    (unless (= tick (setq tick (buffer-chars-modified-tick)))
                      (cl-incf tabby-lsp-tests--version))))
                 ((symbol-function 'eglot--VersionedTextDocumentIdentifier)
                  (lambda () `(:uri "file:///a" :version ,tabby-lsp-tests--version)))
                 ((symbol-function 'eglot--TextDocumentIdentifier)
                  (lambda () '(:uri "file:///a")))
                 ((symbol-function 'eglot--TextDocumentPositionParams)
                  (lambda () (list :point (point))))
                 ((symbol-function 'jsonrpc-running-p) #'always)
                 ((symbol-function 'jsonrpc--next-request-id) (lambda (_) id))
                 ((symbol-function 'jsonrpc-notify)
                  (lambda (_ method params)
                    (push (cons method params) tabby-lsp-tests--heard)))
                 ((symbol-function 'jsonrpc-async-request)
                  (lambda (&rest args)
                    (cl-incf id)
                    (push (plist-get (nthcdr 3 args) :success-fn)
                          tabby-lsp-tests--answers))))
         (setq-local tabby-lsp-mode t
                     tabby-lsp--tick tick)
         (unwind-protect (progn ,@body)
           (tabby-lsp--rest-cancel)
           (tabby-lsp--cancel))))))

(defun tabby-lsp-tests--answer (text &optional back)
  "Answer the last question with TEXT, or the one that is BACK before it."
  (funcall (nth (or back 0) tabby-lsp-tests--answers)
           `(:items [(:insertText ,text)])))

(defun tabby-lsp-tests--longer (version)
  "Say that there is more of the answer for VERSION."
  (eglot-handle-notification 'server 'tabby/longer
                             :uri "file:///a" :version version))

(ert-deftest tabby-lsp-drops-stale-answers ()
  (tabby-lsp-tests--with-server "x = "
    (tabby-lsp--ask 2)
    (tabby-lsp--ask 2)
    (should (equal tabby-lsp-tests--heard '((:$/cancelRequest :id 1))))
    (tabby-lsp-tests--answer "mean" 1)
    (should-not (tabby-lsp-tests--ghost))
    (tabby-lsp-tests--answer "mean")
    (should (equal (tabby-lsp-tests--ghost) "mean"))
    (tabby-lsp--hide)
    (tabby-lsp--ask 2)
    (insert "y")
    (tabby-lsp-tests--answer "mean")
    (should-not (tabby-lsp-tests--ghost))))

(ert-deftest tabby-lsp-shows-what-has-grown ()
  (tabby-lsp-tests--with-server "x = "
    (tabby-lsp--ask 2)
    (tabby-lsp-tests--answer "mean(")
    (tabby-lsp-tests--longer 0)
    (should (length= tabby-lsp-tests--answers 2))
    (should (equal (tabby-lsp-tests--ghost) "mean("))
    (tabby-lsp-tests--answer "mean(\n  y)")
    (should (equal (tabby-lsp-tests--ghost) "mean(\n  y)"))
    ;; nothing that says something else, or that says less
    (dolist (other '("median(\n  y)" "mean"))
      (tabby-lsp-tests--longer 0)
      (tabby-lsp-tests--answer other)
      (should (equal (tabby-lsp-tests--ghost) "mean(\n  y)")))))

(ert-deftest tabby-lsp-asks-for-more-of-what-is-visible-only ()
  (tabby-lsp-tests--with-server "x = "
    (tabby-lsp-tests--type "m")
    (tabby-lsp--ask 2)
    (tabby-lsp-tests--answer "ean(")
    (tabby-lsp-tests--longer 0)
    (should (length= tabby-lsp-tests--answers 1))
    ;; while it is typed along, which the server has not heard yet
    (tabby-lsp-tests--type "ea")
    (tabby-lsp-tests--longer 1)
    (should (length= tabby-lsp-tests--answers 2))
    (should (equal tabby-lsp-tests--version 2))
    (tabby-lsp-tests--answer "n(\n  y)")
    (should (equal (tabby-lsp-tests--ghost) "n(\n  y)"))
    ;; not of several, and not where none is visible
    (tabby-lsp--show '(("an(") ("dian(")))
    (tabby-lsp-tests--longer 2)
    (tabby-lsp--hide)
    (tabby-lsp-tests--longer 2)
    (should (length= tabby-lsp-tests--answers 2))))

(ert-deftest tabby-lsp-follows-an-answer-that-grows-again ()
  (tabby-lsp-tests--with-server "x = "
    (tabby-lsp--ask 2)
    (tabby-lsp-tests--answer "mean")
    (tabby-lsp-tests--longer 0)
    (tabby-lsp-tests--longer 0)
    (tabby-lsp-tests--answer "mean(" 1)
    (should (equal (tabby-lsp-tests--ghost) "mean"))
    (tabby-lsp-tests--answer "mean(y)")
    (should (equal (tabby-lsp-tests--ghost) "mean(y)"))))

(ert-deftest tabby-lsp-announces-what-it-can ()
  (cl-letf* (((symbol-function 'eglot--trampish-p) #'ignore)
             (capabilities (eglot-client-capabilities nil)))
    (should (equal '(:longer t :steps t)
                   (plist-get (plist-get capabilities :experimental) :tabby)))
    (should (plist-get (plist-get capabilities :textDocument) :completion))
    (should (plist-get (plist-get capabilities :textDocument) :inlineCompletion))))

(ert-deftest tabby-lsp-tells-where-point-rests ()
  (tabby-lsp-tests--with-server "abcd"
    (cl-flet ((rests ()
                (sit-for (* 2 tabby-lsp--rest-delay))
                (mapcar (lambda (heard)
                          (should (eq (car heard) :tabby/cursor))
                          (plist-get (cdr heard) :point))
                        (reverse tabby-lsp-tests--heard))))
      (dotimes (_ 3)
        (backward-char)
        (tabby-lsp--after-command))
      (should (equal (rests) '(2)))
      (tabby-lsp--after-command)
      (should (equal (rests) '(2)))
      (forward-char)
      (tabby-lsp--after-command)
      (should (equal (rests) '(2 3)))
      ;; not where something is typed, is asked for or is visible
      (let ((tabby-lsp-idle-delay nil))
        (tabby-lsp-tests--type "x"))
      (should (equal (rests) '(2 3)))
      (setq tabby-lsp--request '(server . 1))
      (tabby-lsp--after-command)
      (should (equal (rests) '(2 3)))
      (setq tabby-lsp--request nil)
      (tabby-lsp--show '(("yz")))
      (tabby-lsp--after-command)
      (should (equal (rests) '(2 3)))
      (tabby-lsp--hide)
      (tabby-lsp--after-command)
      (should (equal (rests) '(2 3 4))))))

;;;; With the real server

(defun tabby-lsp-tests--wait (seconds done)
  "Wait, at most SECONDS, for a value other than nil from DONE, and return it."
  (with-timeout (seconds nil)
    (let (value)
      (while (not (setq value (funcall done)))
        (accept-process-output nil 0.05))
      value)))

(defun tabby-lsp-tests--statistics ()
  "What the server counts."
  (eglot-execute (eglot-current-server)
                 '(:command "tabby-lsp.statistics" :arguments [])))

(defun tabby-lsp-tests--evaluated ()
  "How many tokens the server's model has read."
  (plist-get (plist-get (tabby-lsp-tests--statistics) :engine) :evaluated))

(ert-deftest tabby-lsp-real-server ()
  (skip-unless (executable-find (car tabby-lsp-command)))
  (let* ((folder (make-temp-file "tabby-lsp" t))
         (file (expand-file-name "mean.py" folder))
         (eglot-sync-connect 30)
         (eglot-server-programs nil)
         (eglot-report-progress nil))
    (tabby-lsp-setup)
    (with-temp-file file
      (insert "def mean(values):\n    return \n\n\ndef twice(x):\n    return 2 * x\n"))
    (unwind-protect
        (save-window-excursion
          (find-file file)
          (python-mode)
          (apply #'eglot (eglot--guess-contact))
          (should tabby-lsp-mode)
          (let ((state (tabby-lsp-tests--wait
                        120 (lambda ()
                              (car (member (plist-get (tabby-lsp--status) :state)
                                           '("ready" "no-model" "error")))))))
            (unless (equal state "ready")
              (ert-skip (format "the server has no model: %s" state))))
          (goto-char (point-min))
          (end-of-line 2)
          (undo-boundary)
          (let ((before (tabby-lsp-tests--evaluated)))
            (tabby-lsp--after-command)
            (should (tabby-lsp-tests--wait
                     20 (lambda () (> (tabby-lsp-tests--evaluated) before)))))
          (tabby-lsp-complete)
          (should (tabby-lsp-tests--wait 60 #'tabby-lsp-tests--ghost))
          (let ((ghost (tabby-lsp-tests--ghost)))
            (tabby-lsp-accept)
            (should (looking-back (regexp-quote ghost) (point-min)))
            (should (= 1 (plist-get (tabby-lsp-tests--statistics) :accepted_suggestions))))
          (undo-boundary)
          (undo-only 1)
          (should-not (save-excursion (goto-char (point-min)) (search-forward "sum" nil t))))
      (when-let* ((buffer (get-file-buffer file)))
        (with-current-buffer buffer
          (set-buffer-modified-p nil)
          (when (eglot-current-server)
            (ignore-errors (eglot-shutdown (eglot-current-server)))))
        (kill-buffer buffer))
      (delete-directory folder t))))

(provide 'tabby-lsp-tests)
;;; tabby-lsp-tests.el ends here
