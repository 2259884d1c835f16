#!/bin/sh
# Makes the secrets of docker-compose.yml, each once: what is there is kept, whatever happens. It runs as root in MySQL's
# image, which has the user "mysql"; the gateway's user goes by its number.
#
#     make-secrets.sh [FOLDER]
set -eu
umask 077

folder=${1:-/secrets}
gateway=${GATEWAY_OWNER:-1000:1000}
mysql=${MYSQL_OWNER:-mysql:mysql}

# Moved into its place when it is whole, so that a script that was interrupted leaves no half a secret.
keep() {
  file=$1 owner=$2
  if [ -e "$file" ]; then
    echo "kept $file"
    return
  fi
  cat >"$file.new"
  chmod 400 "$file.new"
  chown "$owner" "$file.new"
  sync
  mv "$file.new" "$file"
  echo "made $file"
}

random() {
  head -c "$1" /dev/urandom | base64
}

# The letters of base64 that stand in a URL as they are.
random_password() {
  random 24 | tr '+/' '-_'
}

mkdir -p "$folder/mysql" "$folder/gateway"
chmod 755 "$folder"
chown "$mysql" "$folder/mysql"
chown "$gateway" "$folder/gateway"

random_password | keep "$folder/mysql/root-password" "$mysql"
random_password | keep "$folder/mysql/password" "$mysql"
echo "mysql://gateway:$(cat "$folder/mysql/password")@mysql:3306/gateway?ssl=required" |
  keep "$folder/gateway/database-url" "$gateway"
random 32 | keep "$folder/gateway/secrets-key" "$gateway"
