# A program small enough to release: greets whoever is named.
echo "Hello, ${1:-world}!"
