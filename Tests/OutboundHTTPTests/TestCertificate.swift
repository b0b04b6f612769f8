/// A self-signed certificate for the name hook.test, for tests only: its key is public.
enum TestCertificate {
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBljCCATugAwIBAgIUbwzsUYSbziQ2B3XlBkCW+6JBhIQwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJaG9vay50ZXN0MCAXDTI2MTEyMzA4NTcxMVoYDzIxMjYxMDMw
        MDg1NzExWjAUMRIwEAYDVQQDDAlob29rLnRlc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAAS9uHwmrehmvi4n4gNFoH258Sx+4nVXJoG2oSv5Jq3ZqGjtv89jPq0E
        7UxvQa/WmZcd/Mv4CO7rcnWTO8hs1XAIo2kwZzAdBgNVHQ4EFgQUR/TWcOYAbBFx
        JxITFkTmBVq9Vp8wHwYDVR0jBBgwFoAUR/TWcOYAbBFxJxITFkTmBVq9Vp8wDwYD
        VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglob29rLnRlc3QwCgYIKoZIzj0EAwID
        SQAwRgIhAPyws6QILjkv9QD/nMmneMy7CKPmKbDjOfbiS7qdq655AiEA9WLQIk2D
        vhPPeo2Mb5s2N1Fd7nZ6DzhXbcU395wF5XI=
        -----END CERTIFICATE-----
        """

    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgwWSZHKuj9FbsLGRg
        gnK8/h5reugHWVfb2zxfYu6OagyhRANCAAS9uHwmrehmvi4n4gNFoH258Sx+4nVX
        JoG2oSv5Jq3ZqGjtv89jPq0E7UxvQa/WmZcd/Mv4CO7rcnWTO8hs1XAI
        -----END PRIVATE KEY-----
        """
}
