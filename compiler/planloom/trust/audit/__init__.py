"""The parts of the offline verifier: each looks at one kind of promise and yields what is broken."""
