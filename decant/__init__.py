"""`decant`, the command line: a client of the API, and the keeper of the local stack.

    commands/     one module for each group of commands; each command is one function
    command       what all commands share: --url, --token, --json, errors, exit codes
    session       which API is spoken with, and where output goes
    client        requests, problems, orders, uploads
    download      files from the API, whole or not at all
    following     runs, watched until they end
    fixing        corrected rows of a run, sent
    checking      files held against the data dictionary, without any server
    show          what people see: tables and bars

The local stack itself is `infra`'s; the offline check is `chalicelib`'s reader and validator.
"""
