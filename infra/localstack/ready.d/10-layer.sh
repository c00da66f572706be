#!/usr/bin/env bash
# Makes a LocalStack in Docker ready for the template: the layer that it asks for, under a name that is always the same.
# It is empty, for the Python of the functions holds what the layer holds on AWS.
set -euo pipefail
folder=$(mktemp -d)
mkdir "$folder/python"
touch "$folder/python/.empty"
(cd "$folder" && python3 -m zipfile -c layer.zip python)
awslocal lambda publish-layer-version --region us-east-1 --layer-name decant-sdk-pandas \
    --zip-file "fileb://$folder/layer.zip" --query LayerVersionArn --output text
rm -r "$folder"
echo "Decant: ready at http://${LOCALSTACK_HOST:-127.0.0.1:4566}"
