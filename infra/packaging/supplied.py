"""What AWS supplies beside our zip, and so never ships in it: the SDK of the Lambda runtime, the AWSSDKPandas layer.

Both hold more than is named here. What is not named is not relied on, and ships when something of ours needs it.
"""

# The Lambda runtime for Python has the SDK. Its version is AWS's choice; the package is tested with an old one too.
RUNTIME = frozenset({"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"})

# awswrangler's build-lambda-layer.sh: `pip install .[postgres,…]`, without the SDK.
LAYER = frozenset(
    {
        "asn1crypto",
        "awswrangler",
        "numpy",
        "packaging",
        "pandas",
        "pg8000",
        "pyarrow",
        "python-dateutil",
        "scramp",
        "setuptools",
        "six",
        "typing-extensions",
        "tzdata",
    }
)

# The biggest that the layer has been, unpacked (3.16.1, python3.13; others are around 167 MiB).
LAYER_BYTES = 204 * 2**20
# Lambda's limit for function and layers together, unpacked.
UNPACKED_BYTES = 250 * 2**20
# Lambda's limit for a zip that is uploaded with the call, and Chalice's for any.
ZIP_BYTES = 50 * 2**20

SUPPLIED = RUNTIME | LAYER
