;;; tabby-lsp-steps-tests.el --- Tests of edits as undo steps -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; The README says how to run them.  Keys go through Emacs's own command loop,
;; which makes undo boundaries and takes some of them away again.  The last one
;; talks to a real server with a real model; it is skipped where there is none.

;;; Code:

(require 'ert)
(require 'tabby-lsp)
(require 'tabby-lsp-tests)
(require 'tabby-lsp-commands-tests)

(defconst tabby-lsp-tests--text "def über():\n    \n\nüber()\n"
  "What is written into.")

(defconst tabby-lsp-tests--written
  "def über():\n    größe = 1\n    😀 = 2\n    return größe\n\nüber()\n"
  "What comes of it.")

(defconst tabby-lsp-tests--pieces
  '((1 4 "größe = 1") (1 13 "\n    😀 = 2") (2 9 "\n    return größe"))
  "Line, character and text of each piece: each one where the one before ended.")

(defmacro tabby-lsp-tests--writing (&rest body)
  "Run BODY in a buffer with the text that pieces are to be put into."
  (declare (indent 0))
  `(tabby-lsp-tests--with-server tabby-lsp-tests--text
     (let ((eglot-move-to-linepos-function #'eglot-move-to-utf-32-linepos)
           (buffer (current-buffer)))
       (cl-letf (((symbol-function 'eglot--managed-buffers)
                  (lambda (_) (list buffer))))
         (add-hook 'post-command-hook #'tabby-lsp--after-command nil t)
         ,@body))))

(defun tabby-lsp-tests--edits (edits &rest step)
  "Send a piece with EDITS, and STEP as its other params; say if it was made."
  (with-temp-buffer                     ; whichever buffer is the current one
    (let ((reply (eglot-handle-request
                  'server 'tabby/step :id 1
                  :textDocument (list :uri "file:///a"
                                      :version (plist-get step :version))
                  :edits (vconcat edits)
                  :first (or (plist-get step :first) :json-false)
                  :last (or (plist-get step :last) :json-false))))
      (eq t (plist-get reply :applied)))))

(defun tabby-lsp-tests--piece (number &rest step)
  "Send the piece NUMBER, the first one being 0, with STEP as other params."
  (pcase-let* ((`(,line ,character ,text) (nth number tabby-lsp-tests--pieces))
               (place (list :line line :character character)))
    (apply #'tabby-lsp-tests--edits
           `((:range (:start ,place :end ,place) :newText ,text))
           (if (= number 0) (append step '(:first t)) step))))

(defun tabby-lsp-tests--all ()
  "Send all pieces, and an end without edits."
  (dotimes (number 3)
    (should (tabby-lsp-tests--piece number)))
  (should (tabby-lsp-tests--edits nil :last t)))

(defun tabby-lsp-tests--keys (keys)
  "Type KEYS, behind a letter that was typed before."
  (setq this-command #'self-insert-command)
  (execute-kbd-macro (kbd keys)))

(defun tabby-lsp-tests--undo ()
  "Undo one more step; return the text."
  (undo-boundary)                       ; as the command loop does before a command
  (undo-only 1)
  (buffer-string))

(ert-deftest tabby-lsp-pieces-are-one-undo-step ()
  (tabby-lsp-tests--writing
    (tabby-lsp-tests--all)
    (should (equal (buffer-string) tabby-lsp-tests--written))
    (should (equal (tabby-lsp-tests--undo) tabby-lsp-tests--text))
    (undo-boundary)
    (undo-redo 1)
    (should (equal (buffer-string) tabby-lsp-tests--written))))

(ert-deftest tabby-lsp-pieces-are-undone-apart-from-what-is-typed ()
  (tabby-lsp-tests--writing
    (tabby-lsp-tests--keys "#ab")
    (tabby-lsp-tests--all)
    (tabby-lsp-tests--keys "cd")
    (should (equal (buffer-string) (concat tabby-lsp-tests--written "#abcd")))
    (should (equal (tabby-lsp-tests--undo) (concat tabby-lsp-tests--written "#ab")))
    (should (equal (tabby-lsp-tests--undo) (concat tabby-lsp-tests--text "#ab")))
    (should (equal (tabby-lsp-tests--undo) tabby-lsp-tests--text))))

(ert-deftest tabby-lsp-edits-are-undone-apart-from-what-is-typed ()
  "An edit that comes at once, while somebody types elsewhere."
  (tabby-lsp-tests--writing
    (cl-letf (((symbol-function 'eglot--apply-workspace-edit)
               (lambda (&rest _)
                 (with-current-buffer buffer
                   (save-excursion (goto-char (point-min)) (insert "edited "))))))
      (tabby-lsp-tests--keys "ab")
      (with-temp-buffer
        (eglot-handle-request 'server 'workspace/applyEdit :label "a" :edit nil))
      (tabby-lsp-tests--keys "cd")
      (should (equal (buffer-string) (concat "edited " tabby-lsp-tests--text "abcd")))
      (should (equal (tabby-lsp-tests--undo) (concat "edited " tabby-lsp-tests--text "ab")))
      (should (equal (tabby-lsp-tests--undo) (concat tabby-lsp-tests--text "ab"))))))

(ert-deftest tabby-lsp-a-key-between-pieces-ends-them ()
  (tabby-lsp-tests--writing
    (should (tabby-lsp-tests--piece 0))
    (should (tabby-lsp-tests--piece 1))
    (tabby-lsp-tests--keys "k")
    (let ((left (buffer-string)))
      (should-not (tabby-lsp-tests--piece 2))
      (tabby-lsp-tests--keys "DEL")
      (should-not (tabby-lsp-tests--edits nil :last t))
      (should (string-suffix-p "k" left))
      (should (equal (buffer-string) (substring left 0 -1)))
      (should (equal (tabby-lsp-tests--undo) left))
      (should (equal (tabby-lsp-tests--undo) (substring left 0 -1)))
      (should (equal (tabby-lsp-tests--undo) tabby-lsp-tests--text)))))

(ert-deftest tabby-lsp-an-undo-between-pieces-ends-them ()
  (tabby-lsp-tests--writing
    (should (tabby-lsp-tests--piece 0))
    (should (tabby-lsp-tests--piece 1))
    (should (equal (tabby-lsp-tests--undo) tabby-lsp-tests--text))
    (should-not (tabby-lsp-tests--piece 2))
    (should (equal (buffer-string) tabby-lsp-tests--text))))

(ert-deftest tabby-lsp-moving-between-pieces-does-not-end-them ()
  "Neither does a boundary that Emacs sets by itself after some seconds."
  (tabby-lsp-tests--writing
    (goto-char (point-min))
    (should (tabby-lsp-tests--piece 0))
    (tabby-lsp-tests--keys "C-f")
    (undo-auto--boundaries 'timer)
    (should (tabby-lsp-tests--piece 1))
    (tabby-lsp-tests--keys "C-n")
    (should (tabby-lsp-tests--piece 2 :last t))
    (should (= (line-number-at-pos) 2))
    (should (equal (buffer-string) tabby-lsp-tests--written))
    (should (equal (tabby-lsp-tests--undo) tabby-lsp-tests--text))))

(ert-deftest tabby-lsp-pieces-do-not-move-point ()
  "As with an edit that comes at once: what comes at point stands behind it."
  (tabby-lsp-tests--writing
    (goto-char (point-min))
    (end-of-line 2)
    (let ((here (point)))
      (tabby-lsp-tests--all)
      (should (= here (point))))
    (goto-char (point-max))
    (should (tabby-lsp-tests--undo))
    (goto-char (point-max))
    (tabby-lsp-tests--all)
    (should (= (point) (point-max)))))

(ert-deftest tabby-lsp-pieces-are-for-one-version ()
  (tabby-lsp-tests--writing
    (should-not (tabby-lsp-tests--piece 0 :version 1))
    (should-not (tabby-lsp-tests--piece 1))
    (goto-char (point-max))
    (insert "x")                        ; the server has not heard of it
    (should-not (tabby-lsp-tests--piece 0 :version 0))
    (should (tabby-lsp-tests--piece 0 :version 1 :last t))
    (should-not (tabby-lsp-tests--piece 1))
    (should (string-suffix-p "\nx" (buffer-string)))))

(ert-deftest tabby-lsp-pieces-are-refused-where-an-edit-would-be ()
  "And where somebody wants to see it first."
  (tabby-lsp-tests--writing
    (let ((buffer-read-only t))
      (should-not (tabby-lsp-tests--piece 0)))
    (dolist (confirm '(diff summary t ((t . diff))))
      (let ((eglot-confirm-server-edits confirm))
        (should-not (tabby-lsp-tests--piece 0))))
    (cl-letf (((symbol-function 'eglot--managed-buffers) #'ignore))
      (should-not (tabby-lsp-tests--piece 0)))
    (should (equal (buffer-string) tabby-lsp-tests--text))
    (let ((eglot-confirm-server-edits nil))
      (should (tabby-lsp-tests--piece 0)))))

(ert-deftest tabby-lsp-the-last-piece-may-replace ()
  (tabby-lsp-tests--writing
    (cl-flet ((name (line character)
                `(:range (:start (:line ,line :character ,character)
                          :end (:line ,line :character ,(+ character 4)))
                  :newText "below")))
      (should (tabby-lsp-tests--edits (list (name 0 4) (name 3 0)) :first t :last t))
      (should (equal (buffer-string) "def below():\n    \n\nbelow()\n"))
      (should (equal (tabby-lsp-tests--undo) tabby-lsp-tests--text)))))

(ert-deftest tabby-lsp-asks-for-nothing-while-pieces-come ()
  "A question would end the writing; what is typed afterwards asks again."
  (tabby-lsp-tests--writing
    (cl-letf (((symbol-function 'run-with-idle-timer)
               (lambda (&rest _) (timer-create))))
      (tabby-lsp--ask 2)
      (tabby-lsp-tests--answer "ghost")
      (tabby-lsp--ask 2 "ghost")
      (should (tabby-lsp-tests--piece 0))
      (should-not (tabby-lsp-tests--ghost))
      (should (equal (car tabby-lsp-tests--heard) '(:$/cancelRequest :id 2)))
      (dolist (number '(1 2))
        (tabby-lsp-tests--keys "C-b")
        (should-not tabby-lsp--timer)
        (should (tabby-lsp-tests--piece number)))
      (should (tabby-lsp-tests--edits nil :last t))
      (tabby-lsp-tests--keys "C-b")
      (should-not tabby-lsp--timer)
      (tabby-lsp-tests--keys "x")
      (should tabby-lsp--timer))))

;;;; With the real server

(defconst tabby-lsp-tests--begun
  "CREW = [\"Ada\", \"Grace\", \"Barbara\"]\n\n\ndef greetings() -> str:\n    \
\"\"\"A greeting for each of the crew, in lines that are numbered from one.\"\"\"\n    \
lines = []\n    number = 1\n    for name in CREW:\n        \n\n\nprint(greetings())\n"
  "What the model is to go on with.")

(ert-deftest tabby-lsp-real-pieces ()
  (tabby-lsp-tests--with-code 96
    (erase-buffer)
    (insert tabby-lsp-tests--begun)
    (undo-boundary)
    (goto-char (point-min))
    (end-of-line 9)
    (let ((pieces 0) ended)
      (cl-letf* ((write (symbol-function 'tabby-lsp--write))
                 ((symbol-function 'tabby-lsp--write)
                  (lambda (edits last)
                    (should (funcall write edits last))
                    (cl-incf pieces)
                    (setq ended last)
                    t)))
        (tabby-lsp-tests--choose "Complete here")
        (should (tabby-lsp-tests--wait 120 (lambda () ended))))
      (should (> pieces 2))
      (should (length> (buffer-string) (length tabby-lsp-tests--begun)))
      (should (equal (tabby-lsp-tests--undo) tabby-lsp-tests--begun)))))

(provide 'tabby-lsp-steps-tests)
;;; tabby-lsp-steps-tests.el ends here
